"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const content = JSON.parse(find("network").textContent);
  const { classes, image_size: [rows, columns], most_maps: most, most_pixels: limit, check } = content;
  const compute = network.load(content);
  const answers = [...find("answers").tBodies[0].rows];
  const ACROSS = 8, MAP_SIDE = 32, SHOWN_SIDE = 480;
  let camera = null, waiting = false, opened = 0;

  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  // What changes several times a second nobody can listen to.
  const say = (text) => {
    find("said").setAttribute("aria-live", camera ? "off" : "polite");
    find("said").textContent = text;
  };

  // Bytes of four channels.
  function paint(canvas, width, height, fill) {
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    fill(image.data);
    context.putImageData(image, 0, 0);
  }

  function makePanel({ name, shape: [height, width, filters] }, tensor) {
    const shown = Math.min(filters, most), heading = document.createElement("h3"), canvas = document.createElement("canvas");
    heading.textContent = `${name}: ${shown < filters ? `${shown} of ` : ""}${filters} maps of ${height} × ${width}`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `The maps of ${name}; none yet`);
    canvas.hidden = true;
    find("maps").append(heading, canvas);
    return { name, height, width, filters, shown, tensor, canvas };
  }
  const panels = content.layers.flatMap((layer, i) => (layer.type.endsWith("Conv2D") ? [makePanel(layer, i + 1)] : []));
  if (!panels.length) find("maps").textContent = "This network has no convolutions.";

  // The maps side by side with a clear line between them, small ones with larger cells.
  function showMaps({ name, height, width, filters, shown, tensor, canvas }, tensors) {
    const { data } = tensors[tensor];
    let low = Infinity, high = -Infinity;
    for (const value of data) { low = Math.min(low, value); high = Math.max(high, value); }
    const across = Math.min(ACROSS, shown), down = Math.ceil(shown / across), factor = 255 / (high - low || 1);
    const cell = Math.ceil(MAP_SIDE / Math.max(width, height)), mapHeight = cell * height + 1, mapWidth = cell * width + 1;
    const wide = across * mapWidth - 1;
    paint(canvas, wide, down * mapHeight - 1, (pixels) => {
      for (let filter = 0; filter < shown; filter++) {
        const top = Math.floor(filter / across) * mapHeight, left = (filter % across) * mapWidth;
        for (let row = 0; row < cell * height; row++) {
          const first = Math.floor(row / cell) * width;
          for (let column = 0, at = 4 * ((top + row) * wide + left); column < cell * width; column++, at += 4) {
            pixels[at] = pixels[at + 1] = pixels[at + 2] = (data[(first + Math.floor(column / cell)) * filters + filter] - low) * factor;
            pixels[at + 3] = 255;
          }
        }
      }
    });
    canvas.hidden = false;
    canvas.setAttribute("aria-label", `The maps of ${name}, values from ${low.toFixed(2)} to ${high.toFixed(2)}`);
  }

  function showAnswers(probabilities) {
    const order = classes.map((_, i) => i).sort((a, b) => probabilities[b] - probabilities[a]);
    const best = order[0], shown = answers.length < classes.length ? order : classes.map((_, i) => i);
    answers.forEach((row, i) => {
      const number = shown[i], share = probabilities[number];
      row.cells[0].textContent = classes[number];
      row.cells[1].textContent = percent(share);
      row.querySelector(".share").setAttribute("width", 100 * share);
      row.className = number === best ? "first" : "";
    });
    say(`${classes[best]}, ${percent(probabilities[best])}`);
  }

  function fail(text) {
    for (const row of answers) {
      row.cells[1].textContent = "–";
      row.querySelector(".share").setAttribute("width", 0);
      row.className = "";
    }
    find("pictures").hidden = true;
    find("timing").textContent = "";
    for (const { canvas } of panels) canvas.hidden = true;
    say(text);
  }

  // Bytes (height, width, 3); shows everything, and gives the probabilities.
  function answer(pixels) {
    const start = performance.now(), tensors = compute(pixels), taken = performance.now() - start;
    const probabilities = [...tensors[tensors.length - 1].data];
    showAnswers(probabilities);
    paint(find("seen"), columns, rows, (shown) => {
      for (let i = 0; i < rows * columns; i++) shown.set([pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2], 255], 4 * i);
    });
    find("seen").setAttribute("aria-label", `What the network sees, ${rows} × ${columns} pixels`);
    for (const panel of panels) showMaps(panel, tensors);
    if (!camera) find("timing").textContent = `Answered in ${Math.ceil(taken)} ms.`;
    return probabilities;
  }

  // An ImageBitmap or a video. Clear parts become white, as in `predict`.
  const reading = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function look(source, width, height) {
    Object.assign(reading.canvas, { width, height });
    reading.fillStyle = "#fff";
    reading.fillRect(0, 0, width, height);
    reading.drawImage(source, 0, 0);
    const seen = fitPhoto(reading.getImageData(0, 0, width, height), content);
    const photo = find("photo"), scale = Math.min(SHOWN_SIDE / Math.max(width, height), 1);
    photo.width = Math.max(Math.round(width * scale), 1);
    photo.height = Math.max(Math.round(height * scale), 1);
    photo.getContext("2d").drawImage(reading.canvas, 0, 0, photo.width, photo.height);
    photo.setAttribute("aria-label", `Your picture, ${height} × ${width} pixels`);
    find("pictures").hidden = false;
    return answer(seen);
  }

  async function open(file) {
    stop();
    // Of a large one that takes seconds, in which another may be opened.
    const number = ++opened;
    find("timing").textContent = "Reading the picture.";
    if (!file) return fail("That was no picture.");
    const name = file.name || "What was pasted";
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      return number === opened && fail(`${name} cannot be read as a picture by this browser. JPEG and PNG can.`);
    }
    try {
      if (number !== opened) return;
      const { width, height } = bitmap;
      if (width * height > limit) {
        return fail(`${name} has ${(width * height).toLocaleString("en")} pixels; at most ${limit.toLocaleString("en")} are accepted. Make it smaller first.`);
      }
      return look(bitmap, width, height);
    } catch (error) {
      fail(`${name} is too large for this browser (${error.message}). Make it smaller first.`);
    } finally {
      bitmap.close();
    }
  }

  function stop() {
    if (!camera) return;
    for (const track of camera.srcObject.getTracks()) track.stop();
    camera = null;
    find("camera").setAttribute("aria-pressed", "false");
    find("camera").textContent = "Use the camera";
    find("timing").textContent = "";
  }

  const REASONS = {
    NotAllowedError: "it was not allowed",
    NotFoundError: "none was found",
    NotReadableError: "another program uses it",
  };

  async function start() {
    if (waiting) return;
    waiting = true;
    const video = document.createElement("video");
    try {
      if (!navigator.mediaDevices) throw new Error("this browser gives it only to files of your own and to https pages");
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.muted = video.playsInline = true;
      await video.play();
    } catch (error) {
      return say(`The camera cannot be used: ${REASONS[error.name] ?? error.message}. Choose a picture instead.`);
    } finally {
      waiting = false;
    }
    camera = video;
    // Unplugged, or taken back by the user.
    for (const track of video.srcObject.getTracks()) track.addEventListener("ended", stop);
    find("camera").setAttribute("aria-pressed", "true");
    find("camera").textContent = "Stop the camera";
    let frames = 0, since = performance.now();
    const step = () => {
      if (camera !== video) return;
      if (video.videoWidth) { look(video, video.videoWidth, video.videoHeight); frames++; }
      const now = performance.now();
      if (now - since > 1000) {
        find("timing").textContent = `${((1000 * frames) / (now - since)).toFixed(1)} pictures a second`;
        [frames, since] = [0, now];
      }
      requestAnimationFrame(step);
    };
    step();
  }

  find("camera").addEventListener("click", () => (camera ? stop() : start()));
  find("file").addEventListener("change", ({ target }) => { if (target.files.length) open(target.files[0]); });
  const imageIn = (transfer) => {
    const files = [...(transfer?.files ?? [])];
    return files.find(({ type }) => type.startsWith("image/")) ?? files[0];
  };
  addEventListener("paste", (event) => open(imageIn(event.clipboardData)));
  for (const name of ["dragover", "dragleave", "drop"]) {
    addEventListener(name, (event) => {
      event.preventDefault();
      find("drop").classList.toggle("over", name === "dragover");
      if (name === "drop") open(imageIn(event.dataTransfer));
    });
  }

  // The same made-up picture that the program asked the network about.
  const tried = compute(Uint8Array.from({ length: rows * columns * 3 }, (_, i) => (i * 97 + (i >> 3) * 57) & 255));
  const off = Math.max(...tried[tried.length - 1].data.map((value, i) => Math.abs(value - check[i])));
  find("check").textContent = off <= 1e-4
    ? `This browser answers a made-up picture as the trained network did, to ${Math.max(off, 1e-9).toExponential(0)}.`
    : `This browser answers otherwise than the trained network (by ${off}): do not trust it.`;
  if (!(off <= 1e-4)) find("check").className = "note wrong";

  say(classes.length > 20 ? `${classes.length} classes are known.` : `It knows ${classes.join(", ")}.`);
  // For other scripts: from bytes (height, width, 3) to what the network says of them.
  window.cifarcnn = {
    predict: (pixels) => [...compute(pixels).pop().data],
    fit: (image) => fitPhoto(image, content), answer, open, compute,
  };
})();
