"use strict";
// A tensor is {data, shape}: float32, without a batch, the channels last; what has no height
// and width is (units).
const tensors = (() => {
  // IEEE 754: a sign, 5 bits of exponent, 10 of fraction.
  const half = (bits) => {
    const exponent = (bits >> 10) & 31, fraction = (bits & 1023) / 1024, sign = bits >> 15 ? -1 : 1;
    return sign * (exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14);
  };
  const unpack = ({ shape, bits, data }) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer), values = new Float32Array((8 * bytes.length) / bits);
    for (let i = 0; i < values.length; i++) {
      values[i] = bits === 16 ? half(view.getUint16(2 * i, true)) : view.getFloat32(4 * i, true);
    }
    return { shape, data: values };
  };
  const size = (shape) => shape.reduce((product, side) => product * side, 1);
  const make = (shape) => ({ shape, data: new Float32Array(size(shape)) });
  const channelsOf = (shape) => shape[shape.length - 1];
  const pair = (value) => (Array.isArray(value) ? value : [value, value]);

  // Abramowitz and Stegun, 7.1.26: off by 1.5e-7 at most.
  const erf = (x) => {
    const t = 1 / (1 + 0.3275911 * Math.abs(x));
    const sum = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    return Math.sign(x) * (1 - sum * Math.exp(-x * x));
  };
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const hardSigmoid = (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1);
  const ACTIVATIONS = {
    relu: (x) => (x > 0 ? x : 0),
    relu6: (x) => Math.min(Math.max(x, 0), 6),
    leaky_relu: (x) => (x > 0 ? x : 0.2 * x),
    elu: (x) => (x > 0 ? x : Math.expm1(x)),
    selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
    gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
    silu: (x) => x * sigmoid(x),
    swish: (x) => x * sigmoid(x),
    mish: (x) => x * Math.tanh(softplus(x)),
    softplus,
    softsign: (x) => x / (1 + Math.abs(x)),
    tanh: Math.tanh,
    sigmoid,
    hard_sigmoid: hardSigmoid,
    hard_silu: (x) => x * hardSigmoid(x),
    exponential: Math.exp,
  };

  function softmax({ data, shape }) {
    const channels = channelsOf(shape);
    for (let first = 0; first < data.length; first += channels) {
      const row = data.subarray(first, first + channels);
      const largest = row.reduce((a, b) => Math.max(a, b));
      let sum = 0;
      for (const value of row) sum += Math.exp(value - largest);
      for (let c = 0; c < channels; c++) row[c] = Math.exp(row[c] - largest) / sum;
    }
  }

  // In place: whoever calls it has made the tensor.
  function activate(tensor, name) {
    if (name === "softmax") softmax(tensor);
    else if (name && name !== "linear") {
      const change = ACTIVATIONS[name], { data } = tensor;
      for (let i = 0; i < data.length; i++) data[i] = change(data[i]);
    }
    return tensor;
  }
  const copy = ({ data, shape }) => ({ data: data.slice(), shape });
  const mapped = ({ data, shape }, change) => ({ shape, data: data.map(change) });

  // As in NumPy; a row of numbers stands for the channels of all places.
  function broadcast(tensors, shape, join) {
    const result = make(shape), [one, other] = tensors;
    if (tensors.every(({ data }) => data.length === result.data.length) && tensors.length === 2) {
      return mapped(one, (value, i) => join(value, other.data[i]));
    }
    const steps = tensors.map((tensor) => {
      const sides = [...Array(shape.length - tensor.shape.length).fill(1), ...tensor.shape];
      let step = 1;
      return sides.reduceRight((all, side) => {
        all.unshift(side === 1 ? 0 : step);
        step *= side;
        return all;
      }, []);
    });
    for (let i = 0; i < result.data.length; i++) {
      const places = tensors.map(() => 0);
      for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
        const at = rest % shape[axis];
        rest = (rest - at) / shape[axis];
        for (let t = 0; t < places.length; t++) places[t] += at * steps[t][axis];
      }
      let value = tensors[0].data[places[0]];
      for (let t = 1; t < places.length; t++) value = join(value, tensors[t].data[places[t]]);
      result.data[i] = value;
    }
    return result;
  }

  function concatenate(tensors, shape) {
    const result = make(shape), channels = channelsOf(shape);
    let offset = 0;
    for (const { data, shape: { length }, shape: sides } of tensors) {
      const own = sides[length - 1];
      for (let from = 0, to = offset; from < data.length; from += own, to += channels) {
        result.data.set(data.subarray(from, from + own), to);
      }
      offset += own;
    }
    return result;
  }
  return { activate, broadcast, channelsOf, concatenate, copy, make, mapped, pair, unpack };
})();
