"use strict";
// Draws the maps of the page and lets the reader move about in them. Every number comes
// from the arrays of the explanation; the script only multiplies, adds and compares them.
(() => {
  const explanation = JSON.parse(document.getElementById("explanation").textContent);
  const byId = (id) => document.getElementById(id);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // --- numbers ------------------------------------------------------------------------

  const arrays = explanation.arrays.map(({ kind, shape, data }) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const values = kind === "u1" ? bytes : new Float32Array(bytes.buffer);
    return { values, shape };
  });

  // A layer's maps, (height, width, channels); outside them is padding.
  const maps = (number) => {
    const { values, shape: [height, width, channels] } = arrays[number];
    const inside = (r, c) => r >= 0 && c >= 0 && r < height && c < width;
    const at = (r, c, k) => (inside(r, c) ? values[(r * width + c) * channels + k] : 0);
    return { height, width, channels, inside, at };
  };

  const show = (value, decimals) => {
    const text = value.toFixed(decimals);
    if (!text.startsWith("-")) return text;
    return Number(text) === 0 ? text.slice(1) : "\u2212" + text.slice(1);
  };

  // Terms rounded so that they add up to the rounded total: see numbers.py.
  const roundToTotal = (terms, total, decimals) => {
    const scale = 10 ** decimals;
    const floors = terms.map((term) => Math.floor(term * scale));
    const whole = Math.floor(total * scale + 0.5);
    const missing = whole - floors.reduce((sum, floor) => sum + floor, 0);
    if (missing < 0 || missing > terms.length) return terms;
    terms
      .map((term, place) => ({ place, rest: term * scale - floors[place] }))
      .sort((a, b) => b.rest - a.rest)
      .slice(0, missing)
      .forEach(({ place }) => { floors[place] += 1; });
    return floors.map((floor) => floor / scale);
  };

  const times = (height, width) => `${height}\u00d7${width}`;
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

  // --- colours ------------------------------------------------------------------------

  const scales = { sequential: arrays[explanation.sequential].values, diverging: arrays[explanation.diverging].values };

  // From a value to its colour: around 0 when the lower end is negative.
  const colouring = (low, high) => {
    const reach = Math.max(-low, high);
    const [table, from, to] = low < 0 ? [scales.diverging, -reach, reach] : [scales.sequential, low, high];
    return (value) => {
      const share = to > from ? Math.min(Math.max((value - from) / (to - from), 0), 1) : 0;
      const start = 3 * Math.floor(share * 255 + 0.5);
      return table.subarray(start, start + 3);
    };
  };

  // Light of one colour, not too glaring.
  const tint = (level, channel) => [0, 1, 2].map((k) => Math.round(k === channel ? level : 0.4 * level));

  const paint = (canvas, height, width, colour) => {
    canvas.height = height;
    canvas.width = width;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    for (let place = 0, r = 0; r < height; r += 1) {
      for (let c = 0; c < width; c += 1, place += 4) {
        const mixed = colour(r, c);
        if (mixed === null) continue;
        image.data.set(mixed, place);
        image.data[place + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
  };

  const paintMap = (canvas, map, channel, colour) =>
    paint(canvas, map.height, map.width, (r, c) => colour(map.at(r, c, channel)));

  const paintInput = (canvas) => {
    const input = maps(explanation.pixels);
    paint(canvas, input.height, input.width, (r, c) => [0, 1, 2].map((k) => input.at(r, c, k)));
  };

  for (const canvas of document.querySelectorAll("canvas[data-scale]")) {
    const table = scales[canvas.dataset.scale];
    paint(canvas, 1, 256, (r, c) => table.subarray(3 * c, 3 * c + 3));
  }

  // --- pieces of the page -------------------------------------------------------------

  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  // A small table of numbers on the colours of their values.
  const cells = (caption, rows, decimals, colour, mark = () => "") => {
    const table = make("table", { class: "cells" }, make("caption", {}, caption));
    rows.forEach((row, r) => {
      const line = table.insertRow();
      row.forEach((value, c) => {
        const cell = line.insertCell();
        cell.className = mark(r, c);
        cell.textContent = value === null ? "" : show(value, decimals);
        if (colour === null || value === null || cell.className.includes("outside")) return;
        const [red, green, blue] = colour(value);
        cell.style.backgroundColor = `rgb(${red},${green},${blue})`;
        cell.style.color = isBright(red, green, blue) ? "#000" : "#fff";
      });
    });
    return table;
  };

  // Whether black stands out more than white: relative luminance as in WCAG 2.
  const isBright = (...channels) => {
    const [red, green, blue] = channels.map((level) => {
      const share = level / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
  };

  // An image of cells in which boxes mark places, and which may be pointed at.
  class Stage {
    constructor(root, rows, columns) {
      Object.assign(this, { root, rows, columns, canvas: root.querySelector("canvas") });
    }

    mark(name, top, left, height, width) {
      const box = this.root.querySelector(`.${name}`);
      box.hidden = height <= 0 || width <= 0;
      box.style.top = `${(100 * top) / this.rows}%`;
      box.style.left = `${(100 * left) / this.columns}%`;
      box.style.height = `${(100 * height) / this.rows}%`;
      box.style.width = `${(100 * width) / this.columns}%`;
    }

    // `point(row, column)` gets the cell below the pointer, `step(down, right)` the
    // arrow keys; with `hover` no button need be pressed.
    listen({ point, step, hover = false }) {
      const cell = (event) => {
        const frame = this.canvas.getBoundingClientRect();
        const limit = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
        point(
          limit((event.clientY - frame.top) / frame.height, this.rows),
          limit((event.clientX - frame.left) / frame.width, this.columns),
        );
      };
      this.root.addEventListener("pointerdown", cell);
      this.root.addEventListener("pointermove", (event) => {
        if (event.buttons || (hover && event.pointerType === "mouse")) cell(event);
      });
      this.root.addEventListener("keydown", (event) => {
        const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
        if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        step(...way);
      });
    }
  }

  const stage = (name, rows, columns, within = document) =>
    new Stage(within.querySelector(`[data-stage="${name}"]`), rows, columns);

  const clamp = (value, count) => Math.min(Math.max(value, 0), count - 1);

  // A row of small images of which one is chosen, by pointer or by arrow keys.
  const choice = (root, names, draw, chosen) => {
    const buttons = names.map((name, place) => {
      const canvas = make("canvas", { "aria-hidden": "true" });
      const button = make("button", { type: "button", role: "radio", "aria-label": name.long }, canvas, name.short);
      draw(canvas, place);
      button.addEventListener("click", () => choose(place));
      return button;
    });
    const choose = (place) => {
      buttons.forEach((button, other) => {
        button.setAttribute("aria-checked", String(other === place));
        button.tabIndex = other === place ? 0 : -1;
      });
      chosen(place);
    };
    root.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      const ends = { Home: 0, End: buttons.length - 1 }[event.key];
      if (way === undefined && ends === undefined) return;
      event.preventDefault();
      const now = buttons.findIndex((button) => button.getAttribute("aria-checked") === "true");
      const next = ends ?? (now + way + buttons.length) % buttons.length;
      choose(next);
      buttons[next].focus();
    });
    root.append(...buttons);
    choose(0);
  };

  const channelNames = (count, first, coloured) =>
    coloured && count === 3 ? ["red", "green", "blue"]
      : coloured && count === 1 ? [["red", "green", "blue"][first]]
        : Array.from({ length: count }, (_, k) => `channel ${first + k}`);

  const windowRows = ({ size, strides, dilation, padding }, row, axis) =>
    Array.from({ length: size[axis] }, (_, step) => row * strides[axis] - padding[axis] + step * dilation[axis]);

  // --- the input ----------------------------------------------------------------------

  const showInput = () => {
    const pixels = maps(explanation.pixels);
    const side = Math.min(5, pixels.height, pixels.width);
    const middle = Math.floor(side / 2);
    const normalized = maps(explanation.normalized);
    const image = stage("pixels", pixels.height, pixels.width);
    const decimals = arrays[explanation.normalized].values.some((value) => value > 20) ? 0 : 4;
    let [top, left] = [pixels.height, pixels.width].map((length) => Math.round((length - side) / 2));
    const move = (row, column) => {
      top = clamp(row, pixels.height - side + 1);
      left = clamp(column, pixels.width - side + 1);
      image.mark("tile", top, left, side, side);
      const rows = (k) => Array.from({ length: side }, (_, r) =>
        Array.from({ length: side }, (_, c) => pixels.at(top + r, left + c, k)));
      byId("patch").replaceChildren(...["red", "green", "blue"].map((name, k) => cells(name, rows(k), 0, (value) => tint(value, k))));
      byId("input-readout").textContent =
        `Rows ${top} to ${top + side - 1}, columns ${left} to ${left + side - 1}.`;
      const [r, c] = [top + middle, left + middle];
      const table = byId("normalization");
      byId("normalization-pixel").textContent = `The pixel in the middle of the frame above: row ${r}, column ${c}.`;
      [...table.tBodies[0].rows].forEach((line, k) => {
        line.querySelector(".before").textContent = pixels.at(r, c, k);
        line.querySelector(".after").textContent = show(normalized.at(r, c, k), decimals);
      });
    };
    paintInput(image.canvas);
    image.listen({
      point: (row, column) => move(row - middle, column - middle),
      step: (down, right) => move(top + down, left + right),
    });
    move(top, left);
  };

  // --- convolution and activation -----------------------------------------------------

  // A filter as an image: colours around a middle grey, or one scale around 0.
  const drawFilter = (bank) => {
    const [height, width, inputs, count] = arrays[bank.kernel].shape;
    const weights = arrays[bank.kernel].values;
    const at = (r, c, k, filter) => weights[((r * width + c) * inputs + k) * count + filter];
    const colour = colouring(-bank.weightReach, bank.weightReach);
    const draw = (canvas, filter) => paint(canvas, height, width, (r, c) =>
      bank.colours && inputs === 3
        ? [0, 1, 2].map((k) => Math.round(127.5 + (127.5 * at(r, c, k, filter)) / bank.weightReach))
        : colour(at(r, c, 0, filter)));
    const rows = (filter, k) => Array.from({ length: height }, (_, r) =>
      Array.from({ length: width }, (_, c) => at(r, c, k, filter)));
    return { draw, rows, colour, inputs };
  };

  const filterNames = (channels) => channels.map((channel) => ({ short: `${channel}`, long: `filter ${channel}` }));

  const showConvolution = (conv, filterChosen) => {
    const bank = drawFilter(conv);
    const input = maps(conv.input);
    const before = maps(conv.before);
    const after = maps(conv.after);
    const image = stage("conv-input", input.height, input.width);
    const result = stage("conv-output", before.height, before.width);
    const mapColour = colouring(-conv.reach, conv.reach);
    const inputColour = colouring(-conv.inputReach, conv.inputReach);
    const extent = [0, 1].map((axis) => (conv.size[axis] - 1) * conv.dilation[axis] + 1);
    let [row, column] = conv.start;
    let place = 0;
    let slidingTimer = null;

    if (conv.seesImage) paintInput(image.canvas);
    else paintMap(image.canvas, input, 0, inputColour);

    const drawMap = () => {
      const last = slidingTimer === null ? Infinity : row * before.width + column;
      result.root.classList.toggle("waiting", slidingTimer !== null);
      paint(result.canvas, before.height, before.width, (r, c) =>
        r * before.width + c > last ? null : mapColour(before.at(r, c, place)));
    };

    const describeNeighbour = (rows, columns) => {
      const right = column + 1 < before.width;
      const other = windowRows(conv, right ? column + 1 : column - 1, 1);
      const shared = columns.filter((c) => other.includes(c)).length * rows.length;
      const plain = conv.dilation[1] === 1;
      image.mark("neighbour", rows[0], other[0], before.width > 1 ? extent[0] : 0, extent[1]);
      const from = Math.max(columns[0], other[0]);
      image.mark("overlap", rows[0], from, plain && before.width > 1 ? extent[0] : 0,
        Math.min(columns[0], other[0]) + extent[1] - from);
      if (before.width === 1) return "";
      return ` It shares ${shared} of its ${rows.length * columns.length} places with its neighbour on the ${right ? "right" : "left"}.`;
    };

    const update = () => {
      const rows = windowRows(conv, row, 0);
      const columns = windowRows(conv, column, 1);
      image.mark("tile", rows[0], columns[0], ...extent);
      result.mark("tile", row, column, 1, 1);
      const neighbour = describeNeighbour(rows, columns);
      const value = before.at(row, column, place);
      const places = rows.flatMap((r) => columns.map((c) => input.inside(r, c)));
      const outside = places.includes(true) ? " Hatched places lie outside the picture and count as 0."
        : " This tile sees only padding, which counts as 0: what is left is the bias.";
      byId("tile-readout").textContent =
        `Tile at row ${rows[0]}, column ${columns[0]} of the input, for cell ${row}, ${column} of the map: ` +
        `${show(value, conv.decimals)}.${neighbour}` +
        (places.includes(false) ? outside : "");
      showArithmetic(rows, columns, value);
    };

    const showArithmetic = (rows, columns, value) => {
      const first = conv.first[place];
      const names = channelNames(bank.inputs, first, conv.colours);
      const bias = arrays[conv.bias].values[place];
      const products = names.map((_, k) => {
        const weights = bank.rows(place, k);
        return rows.map((r, i) => columns.map((c, j) => input.at(r, c, first + k) * weights[i][j]));
      });
      const sums = products.map((block) => block.flat().reduce((sum, product) => sum + product, 0));
      const shown = roundToTotal([...sums, bias], value, conv.decimals);
      const mark = (i, j) => (input.inside(rows[i], columns[j]) ? "" : "outside");
      const productColour = colouring(-Math.max(...products.flat(2).map(Math.abs), 1e-6), 1e-6);
      byId("arithmetic").replaceChildren(...names.map((name, k) => {
        const tile = rows.map((r) => columns.map((c) => input.at(r, c, first + k)));
        const flat = roundToTotal(products[k].flat(), shown[k], conv.decimals);
        const rounded = rows.map((_, i) => flat.slice(i * columns.length, (i + 1) * columns.length));
        const sign = (text) => make("span", { class: "sign" }, text);
        return make("div", { class: "sum-row", "data-channel": k },
          make("span", { class: "channel" }, name),
          cells("tile", tile, conv.inputDecimals, tileColour(first + k), mark), sign("\u00d7"),
          cells("weights", bank.rows(place, k), conv.weightDecimals, bank.colour), make("span", { class: "sign equals" }, "="),
          cells("products", rounded, conv.decimals, productColour), sign("sum"),
          make("b", { class: "channel-sum" }, show(shown[k], conv.decimals)));
      }));
      const part = (word, number) => make("span", {}, `${word} `, make("b", {}, show(number, conv.decimals)));
      const terms = [...names.map((name, k) => part(name, shown[k])), part("bias", shown[names.length])];
      const line = terms.flatMap((term, k) => (k ? [" + ", term] : [term]));
      line.push(" = ", make("b", { id: "tile-value" }, show(value, conv.decimals)));
      if (conv.activation !== "linear") {
        line.push(`, and after ${conv.activation}: `,
          make("b", { id: "tile-after" }, show(after.at(row, column, place), conv.decimals)));
      }
      byId("total").replaceChildren(...line);
    };

    const tileColour = (channel) => {
      if (!conv.colours) return inputColour;
      return (value) => tint(Math.min(Math.max(inputLevel(value, channel), 0), 255), channel);
    };

    // Back from what the layer got to light from 0 to 255, for the colour alone.
    const inputLevel = (() => {
      const light = [0, 1, 2].map((k) => {
        let [low, high] = [0, -Infinity];
        for (let r = 0; r < input.height; r += 1) for (let c = 0; c < input.width; c += 1) {
          low = Math.min(low, input.at(r, c, k));
          high = Math.max(high, input.at(r, c, k));
        }
        return [low, high];
      });
      return (value, k) => (255 * (value - light[k][0])) / (light[k][1] - light[k][0] || 1);
    })();

    const moveTo = (r, c) => {
      row = clamp(r, before.height);
      column = clamp(c, before.width);
      if (slidingTimer !== null) drawMap();
      update();
    };
    const step = (down, right) => { stop(); moveTo(row + down, column + right); };
    const nearest = (pixel, axis) =>
      Math.round((pixel - (extent[axis] - 1) / 2 + conv.padding[axis]) / conv.strides[axis]);

    // --- sliding by itself
    const button = byId("slide");
    const next = () => {
      const last = row * before.width + column + 1;
      const wrapped = last % (before.height * before.width);
      moveTo(Math.floor(wrapped / before.width), wrapped % before.width);
    };
    const stop = () => {
      if (slidingTimer === null) return;
      clearInterval(slidingTimer);
      slidingTimer = null;
      byId("tile-readout").setAttribute("aria-live", "polite");
      showButton();
      drawMap();
    };
    const start = () => {
      // A screen reader need not hear hundreds of tiles.
      byId("tile-readout").setAttribute("aria-live", "off");
      slidingTimer = setInterval(next, Number(byId("speed").value));
      showButton();
      drawMap();
    };
    const showButton = () => {
      const running = slidingTimer !== null;
      button.textContent = calm.matches ? "Next tile" : running ? "Stop" : "Slide";
      if (calm.matches) button.removeAttribute("aria-pressed");
      else button.setAttribute("aria-pressed", String(running));
      byId("speed").parentElement.hidden = calm.matches;
    };
    button.addEventListener("click", () => {
      if (calm.matches) next();
      else if (slidingTimer === null) start();
      else stop();
    });
    byId("speed").addEventListener("change", () => {
      if (slidingTimer !== null) { clearInterval(slidingTimer); start(); }
    });
    calm.addEventListener("change", () => { stop(); showButton(); });
    showButton();

    for (const arrow of document.querySelectorAll("[data-step]")) {
      arrow.addEventListener("click", () => step(...arrow.dataset.step.split(",").map(Number)));
    }
    image.listen({ point: (r, c) => { stop(); moveTo(nearest(r, 0), nearest(c, 1)); }, step });
    result.listen({ point: (r, c) => { stop(); moveTo(r, c); }, step });
    choice(byId("filter-choice"), filterNames(conv.channels), bank.draw, (chosen) => {
      place = chosen;
      byId("map-caption").textContent = `Feature map of filter ${conv.channels[chosen]}, before the activation`;
      drawMap();
      update();
      filterChosen(chosen);
    });
  };

  const showActivation = (act, place) => {
    const [before, after] = [maps(act.before), maps(act.after)];
    const signed = colouring(-act.beforeReach, act.beforeReach);
    paintMap(stage("act-before", 1, 1).canvas, before, place, signed);
    paintMap(stage("act-after", 1, 1).canvas, after, place, colouring(act.low, act.high));
    byId("activation-heading").textContent =
      `${act.shared ? "Filter" : "Map"} ${act.channels[place]}`;
    if (!act.cuts) return;
    let zeros = 0;
    for (let r = 0; r < after.height; r += 1) {
      for (let c = 0; c < after.width; c += 1) {
        if (after.at(r, c, place) === 0 && before.at(r, c, place) !== 0) zeros += 1;
      }
    }
    const all = after.height * after.width;
    byId("activation-readout").textContent =
      `In this map ${zeros} of ${all} values became 0: ${((100 * zeros) / all).toFixed(1)}%.`;
  };

  const showFilters = (bank) => {
    const drawn = drawFilter(bank);
    choice(byId("filter-choice"), filterNames(bank.channels), drawn.draw, (place) => {
      byId("weights-heading").textContent =
        `Filter ${bank.channels[place]}: its weights, and the bias ${show(arrays[bank.bias].values[place], bank.weightDecimals)}`;
      const names = channelNames(drawn.inputs, bank.first[place], bank.colours);
      byId("weights").replaceChildren(...names.map((name, k) =>
        cells(name, drawn.rows(place, k), bank.weightDecimals, drawn.colour)));
    });
  };

  // --- feature maps -------------------------------------------------------------------

  const showMaps = (panel, layer) => {
    const map = maps(layer.maps);
    const colour = colouring(layer.low, layer.high);
    const large = stage("map", map.height, map.width, panel);
    const pixels = maps(explanation.pixels);
    const field = stage("field", pixels.height, pixels.width, panel);
    let place = 0;
    let [row, column] = [0, 0];
    paintInput(field.canvas);
    const moveTo = (r, c) => {
      row = clamp(r, map.height);
      column = clamp(c, map.width);
      const [top, bottom] = layer.rows[row];
      const [left, right] = layer.columns[column];
      large.mark("tile", row, column, 1, 1);
      field.mark("tile", top, left, bottom - top, right - left);
      const sees = bottom > top && right > left
        ? `it sees rows ${top} to ${bottom - 1} and columns ${left} to ${right - 1} of the input`
        : "it sees only padding";
      panel.querySelector(".readout").textContent =
        `Map ${layer.channels[place]}, cell ${row}, ${column}: ${show(map.at(row, column, place), layer.decimals)}; ${sees}.`;
    };
    large.listen({ point: moveTo, step: (down, right) => moveTo(row + down, column + right), hover: true });
    const names = layer.channels.map((channel) => ({ short: `${channel}`, long: `map ${channel}` }));
    const draw = (canvas, chosen) => paintMap(canvas, map, chosen, colour);
    choice(panel.querySelector(".strip"), names, draw, (chosen) => {
      place = chosen;
      panel.querySelector(".map-name").textContent = `map ${layer.channels[chosen]}`;
      draw(large.canvas, chosen);
      moveTo(...strongest(map, chosen));
    });
  };

  const strongest = (map, channel) => {
    let best = [0, 0];
    for (let r = 0; r < map.height; r += 1) {
      for (let c = 0; c < map.width; c += 1) {
        if (map.at(r, c, channel) > map.at(...best, channel)) best = [r, c];
      }
    }
    return best;
  };

  // --- pooling ------------------------------------------------------------------------

  const showPooling = (pool) => {
    const [before, after] = [maps(pool.before), maps(pool.after)];
    const colour = colouring(pool.low, pool.high);
    const first = stage("pool-before", before.height, before.width);
    const second = stage("pool-after", after.height, after.width);
    const select = byId("pooling-channel");
    let place = 0;
    let [row, column] = pool.start;
    const moveTo = (r, c) => {
      row = clamp(r, after.height);
      column = clamp(c, after.width);
      const rows = windowRows(pool, row, 0);
      const columns = windowRows(pool, column, 1);
      const values = rows.map((y) => columns.map((x) => (before.inside(y, x) ? before.at(y, x, place) : null)));
      const seen = values.flat().filter((value) => value !== null);
      const value = after.at(row, column, place);
      const kept = pool.largest ? values.flat().indexOf(Math.max(...seen)) : -1;
      const mark = (i, j) =>
        values[i][j] === null ? "outside" : i * columns.length + j === kept ? "kept" : "";
      first.mark("tile", rows[0], columns[0], rows.at(-1) - rows[0] + 1, columns.at(-1) - columns[0] + 1);
      second.mark("tile", row, column, 1, 1);
      byId("pooling-window").replaceChildren(cells("the window", values, pool.decimals, colour, mark));
      byId("pooling-readout").replaceChildren(
        `${pool.largest ? "The largest of these" : "The mean of these"} ${plural(seen.length, "value")}, `,
        make("b", { id: "pooled-value" }, show(value, pool.decimals)),
        `, becomes cell ${row}, ${column} of the smaller map.`);
    };
    const step = (down, right) => moveTo(row + down, column + right);
    first.listen({ point: (r, c) => moveTo(
      Math.floor((r + pool.padding[0]) / pool.strides[0]), Math.floor((c + pool.padding[1]) / pool.strides[1])), step });
    second.listen({ point: moveTo, step });
    pool.channels.forEach((channel, order) =>
      select.append(make("option", { value: order }, `${channel}${order === 0 ? " (the strongest)" : ""}`)));
    const choose = () => {
      place = Number(select.value);
      paintMap(first.canvas, before, place, colour);
      paintMap(second.canvas, after, place, colour);
      moveTo(row, column);
    };
    select.addEventListener("change", choose);
    choose();
  };

  // --- begin --------------------------------------------------------------------------

  if ("pixels" in explanation) showInput();
  const activate = (place) => showActivation(explanation.activation, place);
  const shared = explanation.activation?.shared ?? false;
  if (explanation.activation && !shared) activate(0);
  if (explanation.convolution) showConvolution(explanation.convolution, shared ? activate : () => {});
  if (explanation.filters) showFilters(explanation.filters);
  (explanation.maps ?? []).forEach((layer, number) =>
    showMaps(document.querySelector(`[data-maps="${number}"]`), layer));
  if (explanation.pooling) showPooling(explanation.pooling);

  // --- slides -------------------------------------------------------------------------

  // `#slides=0-7` shows only these parts, each on a box of its own, as large as fits
  // into it: see slides.py, which takes images of them.
  const chosen = /^#slides=(\d+)-(\d+)$/.exec(location.hash);
  if (chosen) {
    const parts = [...document.querySelectorAll("[data-slide]")].slice(Number(chosen[1]), Number(chosen[2]) + 1);
    const boxes = parts.map((part) =>
      make("article", { class: "slide" }, part.closest(".part").querySelector("h2").cloneNode(true), part));
    document.documentElement.classList.add("slides");
    document.body.replaceChildren(...boxes);
    boxes.forEach((box, place) => {
      for (let zoom = 2; zoom > 0.1; zoom -= 0.05) {
        parts[place].style.zoom = zoom;
        if (box.scrollHeight <= box.clientHeight && box.scrollWidth <= box.clientWidth) return;
      }
    });
  }
})();
