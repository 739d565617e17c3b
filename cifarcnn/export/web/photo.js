"use strict";
// From a picture of any size to what the network takes, as Pillow's resize(LANCZOS) does:
// the window widens with the shrinking, and between the two passes there are bytes. Rows
// come first here; Pillow 13 begins with columns at times, which changes
// values by 1 or 2 of 255.
const fitPhoto = (() => {
  const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  const lanczos = (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0);

  // For each new cell the first one before, and the weights of those from there on.
  function weightsOf(length, begin, end, after) {
    const scale = (end - begin) / after, wide = Math.max(scale, 1), support = 3 * wide;
    return Array.from({ length: after }, (_, i) => {
      const middle = begin + (i + 0.5) * scale;
      const first = Math.max(Math.floor(middle - support + 0.5), 0);
      const last = Math.min(Math.floor(middle + support + 0.5), length);
      const weights = Array.from({ length: last - first }, (_, k) => lanczos((k + first - middle + 0.5) / wide));
      const sum = weights.reduce((a, b) => a + b, 0);
      return { first, weights: weights.map((weight) => weight / sum) };
    });
  }

  // Bytes (height, width, 3), of which one side becomes as long as there are `places`.
  function shrinkRows(data, width, height, places) {
    const result = new Uint8ClampedArray(height * places.length * 3);
    for (let row = 0, i = 0; row < height; row++) {
      for (const { first, weights } of places) i = sumUp(data, (row * width + first) * 3, 3, weights, result, i);
    }
    return result;
  }
  function shrinkColumns(data, width, places) {
    const result = new Uint8ClampedArray(places.length * width * 3);
    let i = 0;
    for (const { first, weights } of places) {
      for (let column = 0; column < width; column++) i = sumUp(data, (first * width + column) * 3, width * 3, weights, result, i);
    }
    return result;
  }
  function sumUp(data, start, step, weights, result, i) {
    let red = 0, green = 0, blue = 0, at = start;
    for (const weight of weights) {
      red += weight * data[at];
      green += weight * data[at + 1];
      blue += weight * data[at + 2];
      at += step;
    }
    for (const sum of [red, green, blue]) result[i++] = Math.floor(sum + 0.5);
    return i;
  }

  function usedPart(height, width, { image_size: [rows, columns], resize }) {
    if (resize !== "crop") return [0, 0, height, width];
    const scale = Math.min(height / rows, width / columns);
    const top = Math.max(height - scale * rows, 0) / 2, left = Math.max(width - scale * columns, 0) / 2;
    return [top, left, height - top, width - left];
  }

  // Python's round: of two that are equally near the even one.
  const round = (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

  function sizeWithinBorders(height, width, { image_size: [rows, columns], resize }) {
    if (resize !== "pad") return [rows, columns];
    const scale = Math.min(rows / height, columns / width);
    return [Math.max(round(height * scale), 1), Math.max(round(width * scale), 1)];
  }

  // `rgba`: as from a canvas. The result: bytes, red, green, blue of each pixel.
  return ({ data: rgba, height, width }, description) => {
    let data = new Uint8ClampedArray(height * width * 3);
    for (let i = 0, k = 0; i < rgba.length; i += 4) {
      for (let channel = 0; channel < 3; channel++) data[k++] = rgba[i + channel];
    }
    const [fullHeight, fullWidth] = description.image_size, [down, across] = sizeWithinBorders(height, width, description);
    if (down !== height || across !== width) {
      const [top, left, bottom, right] = usedPart(height, width, description);
      data = shrinkRows(data, width, height, weightsOf(width, left, right, across));
      data = shrinkColumns(data, across, weightsOf(height, top, bottom, down));
    }
    const result = new Uint8ClampedArray(fullHeight * fullWidth * 3);
    const top = Math.floor((fullHeight - down) / 2), left = Math.floor((fullWidth - across) / 2);
    for (let row = 0; row < down; row++) {
      result.set(data.subarray(row * across * 3, (row + 1) * across * 3), ((row + top) * fullWidth + left) * 3);
    }
    return result;
  };
})();
