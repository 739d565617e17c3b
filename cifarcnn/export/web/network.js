// The layers of web_network.py.
const network = (() => {
  const { activate, broadcast, channelsOf, concatenate, copy, make, mapped, pair, unpack } = tensors;

  // How far a window begins outside; `same` as in tf.nn.convolution: the odd row at the end.
  function borders(input, output, window, strides, dilation, padding) {
    return [0, 1].map((axis) => {
      if (padding !== "same") return 0;
      const needed = (output[axis] - 1) * strides[axis] + (window[axis] - 1) * dilation[axis] + 1;
      return Math.floor(Math.max(needed - input[axis], 0) / 2);
    });
  }

  // Calls `visit` for each cell of a window that lies inside: (place of its first channel
  // in the input, number of the cell in the window).
  function eachWindow(x, shape, window, arguments_, begin, visit, end) {
    const [height, width, channels] = x.shape;
    const strides = pair(arguments_.strides ?? window), dilation = pair(arguments_.dilation_rate ?? 1);
    const [top, left] = borders(x.shape, shape, window, strides, dilation, arguments_.padding);
    for (let row = 0, cell = 0; row < shape[0]; row++) {
      for (let column = 0; column < shape[1]; column++, cell++) {
        begin();
        for (let down = 0; down < window[0]; down++) {
          const y = row * strides[0] + down * dilation[0] - top;
          if (y < 0 || y >= height) continue;
          for (let across = 0; across < window[1]; across++) {
            const at = column * strides[1] + across * dilation[1] - left;
            if (at >= 0 && at < width) visit((y * width + at) * channels, down * window[1] + across);
          }
        }
        end(cell);
      }
    }
  }

  // A row for each filter, of 64 bits, which need no conversion; and a row behind the last.
  const rowsOf = new WeakMap();
  function byFilter(kernel) {
    if (!rowsOf.has(kernel)) {
      const filters = channelsOf(kernel.shape), length = kernel.data.length / filters;
      const rows = new Float64Array((filters + 1) * length);
      kernel.data.forEach((weight, i) => { rows[(i % filters) * length + Math.floor(i / filters)] = weight; });
      rowsOf.set(kernel, rows);
    }
    return rowsOf.get(kernel);
  }

  // Places four at a time, filters two: so what is read serves several products.
  const PLACES = 4;
  function multiply(patches, length, rows, first, last, write) {
    for (let filter = first; filter < last; filter += 2) {
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      for (let i = 0, a = filter * length, b = a + length; i < length; i++, a++, b++) {
        const one = rows[a], other = rows[b];
        const p0 = patches[i], p1 = patches[length + i], p2 = patches[2 * length + i], p3 = patches[3 * length + i];
        a0 += one * p0; a1 += one * p1; a2 += one * p2; a3 += one * p3;
        b0 += other * p0; b1 += other * p1; b2 += other * p2; b3 += other * p3;
      }
      write(filter, a0, a1, a2, a3);
      if (filter + 1 < last) write(filter + 1, b0, b1, b2, b3);
    }
  }

  function convolve(x, kernel, bias, shape, arguments_) {
    const result = make(shape), filters = shape[2], groups = arguments_.groups ?? 1;
    const inputs = x.shape[2] / groups, outputs = filters / groups, places = shape[0] * shape[1];
    const length = kernel.shape[0] * kernel.shape[1] * inputs;
    const patches = new Float64Array(PLACES * length), rows = byFilter(kernel), { data } = x, { data: sums } = result;
    for (let group = 0; group < groups; group++) {
      let count = 0;
      eachWindow(x, shape, kernel.shape, arguments_,
        () => patches.fill(0, count * length, (count + 1) * length),
        (place, cell) => {
          const from = place + group * inputs, to = count * length + cell * inputs;
          for (let channel = 0; channel < inputs; channel++) patches[to + channel] = data[from + channel];
        },
        (place) => {
          count++;
          if (count < PLACES && place + 1 < places) return;
          const start = (place + 1 - count) * filters, filled = count;
          multiply(patches, length, rows, group * outputs, (group + 1) * outputs, (filter, s0, s1, s2, s3) => {
            const add = bias ? bias.data[filter] : 0, at = start + filter;
            sums[at] = s0 + add;
            if (filled > 1) sums[at + filters] = s1 + add;
            if (filled > 2) sums[at + 2 * filters] = s2 + add;
            if (filled > 3) sums[at + 3 * filters] = s3 + add;
          });
          count = 0;
        });
    }
    return result;
  }

  function convolveDepthwise(x, kernel, bias, shape, arguments_) {
    const result = make(shape), times = kernel.shape[3], filters = shape[2], { data } = x;
    const sums = new Float64Array(filters), weights = kernel.data;
    eachWindow(x, shape, kernel.shape, arguments_,
      () => { if (bias) sums.set(bias.data); else sums.fill(0); },
      (place, cell) => {
        for (let filter = 0; filter < filters; filter++) {
          sums[filter] += data[place + Math.floor(filter / times)] * weights[cell * filters + filter];
        }
      },
      (cell) => result.data.set(sums, cell * filters));
    return result;
  }

  function separable(x, w, shape, arguments_) {
    const { depthwise_kernel: kernel, pointwise_kernel: points, bias } = w;
    const between = [shape[0], shape[1], points.shape[2]];
    const maps = convolveDepthwise(x, kernel, null, between, arguments_);
    return activate(convolve(maps, points, bias, shape, { strides: 1, padding: "valid" }), arguments_.activation);
  }

  function pool(x, shape, arguments_, mean) {
    const result = make(shape), channels = shape[2], values = new Float64Array(channels);
    let count = 0;
    eachWindow(x, shape, pair(arguments_.pool_size), arguments_,
      () => { values.fill(mean ? 0 : -Infinity); count = 0; },
      (place) => {
        count++;
        for (let c = 0; c < channels; c++) {
          const value = x.data[place + c];
          values[c] = mean ? values[c] + value : Math.max(values[c], value);
        }
      },
      (cell) => { for (let c = 0; c < channels; c++) result.data[cell * channels + c] = mean ? values[c] / count : values[c]; });
    return result;
  }

  const poolAll = (x, shape, mean) => {
    const whole = [x.shape[0], x.shape[1]];
    const pooled = pool(x, [1, 1, x.shape[2]], { pool_size: whole, strides: whole, padding: "valid" }, mean);
    return { data: pooled.data, shape };
  };

  // gamma and beta, where the layer has them.
  const scaled = (value, w, channel) => value * (w.gamma ? w.gamma.data[channel] : 1) + (w.beta ? w.beta.data[channel] : 0);

  function normalizeBatch(x, w, shape, { epsilon }) {
    const channels = channelsOf(shape), factors = new Float64Array(channels), offsets = new Float64Array(channels);
    for (let c = 0; c < channels; c++) {
      factors[c] = (w.gamma ? w.gamma.data[c] : 1) / Math.sqrt(w.moving_variance.data[c] + epsilon);
      offsets[c] = (w.beta ? w.beta.data[c] : 0) - w.moving_mean.data[c] * factors[c];
    }
    return mapped(x, (value, i) => value * factors[i % channels] + offsets[i % channels]);
  }

  // The channels from `first` on of the places from `start` to `stop`, by their own statistics.
  function normalizePart(x, result, w, epsilon, start, stop, first, count) {
    const channels = channelsOf(x.shape);
    let sum = 0, squares = 0;
    const each = (visit) => {
      for (let place = start; place < stop; place++) {
        for (let c = first; c < first + count; c++) visit(place * channels + c, c);
      }
    };
    const number = (stop - start) * count;
    each((i) => { sum += x.data[i]; });
    const mean = sum / number;
    each((i) => { squares += (x.data[i] - mean) ** 2; });
    const factor = 1 / Math.sqrt(squares / number + epsilon);
    each((i, c) => { result.data[i] = scaled((x.data[i] - mean) * factor, w, c); });
  }

  function normalizeLayer(x, w, shape, { epsilon }) {
    const result = make(shape), channels = channelsOf(shape);
    for (let place = 0; place < x.data.length / channels; place++) {
      normalizePart(x, result, w, epsilon, place, place + 1, 0, channels);
    }
    return result;
  }

  function normalizeGroups(x, w, shape, { epsilon, groups }) {
    const result = make(shape), channels = channelsOf(shape);
    const count = groups === -1 ? 1 : channels / groups;
    for (let first = 0; first < channels; first += count) {
      normalizePart(x, result, w, epsilon, 0, x.data.length / channels, first, count);
    }
    return result;
  }

  // Which cells before make each of the cells after, and how much of the second: the
  // values lie in the middle of the cells (tf.image.resize).
  function between(before, after, interpolation) {
    const clip = (cell) => Math.min(Math.max(cell, 0), before - 1);
    const scale = Math.fround(before / after);
    return Array.from({ length: after }, (_, i) => {
      const middle = Math.fround(Math.fround(i + 0.5) * scale);
      if (interpolation === "nearest") return [clip(Math.floor(middle)), clip(Math.floor(middle)), 0];
      const first = Math.floor(middle - 0.5);
      return [clip(first), clip(first + 1), middle - 0.5 - first];
    });
  }

  function resize(x, shape, interpolation) {
    const result = make(shape), [, width, channels] = x.shape;
    const rows = between(x.shape[0], shape[0], interpolation), columns = between(width, shape[1], interpolation);
    let i = 0;
    for (const [top, bottom, down] of rows) {
      for (const [left, right, across] of columns) {
        for (let c = 0; c < channels; c++) {
          const at = (row, column) => x.data[(row * width + column) * channels + c];
          const upper = at(top, left) * (1 - across) + at(top, right) * across;
          const lower = at(bottom, left) * (1 - across) + at(bottom, right) * across;
          result.data[i++] = upper * (1 - down) + lower * down;
        }
      }
    }
    return result;
  }

  function pad(x, shape, [[top], [left]]) {
    const result = make(shape), row = x.shape[1] * x.shape[2];
    for (let y = 0; y < x.shape[0]; y++) {
      result.data.set(x.data.subarray(y * row, (y + 1) * row), ((y + top) * shape[1] + left) * shape[2]);
    }
    return result;
  }

  function rescale(x, { scale, offset }) {
    const factors = [scale].flat(), offsets = [offset].flat(), channels = channelsOf(x.shape);
    const of = (values, c) => values[values.length === 1 ? 0 : c];
    return mapped(x, (value, i) => value * of(factors, i % channels) + of(offsets, i % channels));
  }

  function rectify(x, { max_value: most, negative_slope: slope, threshold }) {
    return mapped(x, (value) => {
      const result = value >= threshold ? value : slope * (value - threshold);
      return most === null ? result : Math.min(result, most);
    });
  }

  // inputs, weights by name, shape of the result, arguments.
  const LAYERS = {
    Activation: ([x], w, shape, { activation }) => activate(copy(x), activation),
    Add: (inputs, w, shape) => broadcast(inputs, shape, (a, b) => a + b),
    AveragePooling2D: ([x], w, shape, arguments_) => pool(x, shape, arguments_, true),
    BatchNormalization: ([x], ...rest) => normalizeBatch(x, ...rest),
    Concatenate: (inputs, w, shape) => concatenate(inputs, shape),
    Conv2D: ([x], { kernel, bias }, shape, arguments_) => activate(convolve(x, kernel, bias, shape, arguments_), arguments_.activation),
    Dense: ([x], { kernel, bias }, shape, arguments_) => {
      const rows = { data: x.data, shape: [x.data.length / channelsOf(x.shape), 1, channelsOf(x.shape)] };
      const weights = { data: kernel.data, shape: [1, 1, ...kernel.shape] };
      const { data } = convolve(rows, weights, bias, [rows.shape[0], 1, channelsOf(shape)], { strides: 1 });
      return activate({ data, shape }, arguments_.activation);
    },
    DepthwiseConv2D: ([x], { kernel, bias }, shape, arguments_) => activate(convolveDepthwise(x, kernel, bias, shape, arguments_), arguments_.activation),
    Flatten: ([{ data }], w, shape) => ({ data, shape }),
    GlobalAveragePooling2D: ([x], w, shape) => poolAll(x, shape, true),
    GlobalMaxPooling2D: ([x], w, shape) => poolAll(x, shape, false),
    GroupNormalization: ([x], ...rest) => normalizeGroups(x, ...rest),
    LayerNormalization: ([x], ...rest) => normalizeLayer(x, ...rest),
    MaxPooling2D: ([x], w, shape, arguments_) => pool(x, shape, arguments_, false),
    Multiply: (inputs, w, shape) => broadcast(inputs, shape, (a, b) => a * b),
    PReLU: ([x], { alpha }, shape) => broadcast([x, alpha], shape, (value, slope) => (value > 0 ? value : slope * value)),
    ReLU: ([x], w, shape, arguments_) => rectify(x, arguments_),
    Rescaling: ([x], w, shape, arguments_) => rescale(x, arguments_),
    Reshape: ([{ data }], w, shape) => ({ data, shape }),
    Resizing: ([x], w, shape, { interpolation }) => resize(x, shape, interpolation),
    SeparableConv2D: ([x], ...rest) => separable(x, ...rest),
    Softmax: ([x]) => activate(copy(x), "softmax"),
    UpSampling2D: ([x], w, shape, { interpolation }) => resize(x, shape, interpolation),
    ZeroPadding2D: ([x], w, shape, { padding }) => pad(x, shape, padding),
  };

  function load({ layers, arrays, image_size }) {
    const weights = arrays.map(unpack);
    const prepared = layers.map((layer) => ({
      ...layer,
      compute: LAYERS[layer.type],
      weights: Object.fromEntries(Object.entries(layer.weights).map(([name, number]) => [name, weights[number]])),
    }));
    // Every tensor, from the pixels (0 to 255, red, green, blue) to the probabilities.
    return (pixels) => {
      const tensors = [{ data: Float32Array.from(pixels), shape: [...image_size, 3] }];
      for (const { compute, inputs, weights: own, shape, arguments: arguments_ } of prepared) {
        tensors.push(compute(inputs.map((number) => tensors[number]), own, shape, arguments_));
      }
      return tensors;
    };
  }
  return { load };
})();
