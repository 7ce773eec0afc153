// ---------------------------------------------------------------- sizes of a matrix

const SMALL = 32; // the largest matrix whose powers are computed
const POWERS = 64; // products in a round, before the projection
const ROUNDS = 20; // at most

/** The largest singular value: the largest ‖M x‖ / ‖x‖. It is the root of M^T M's largest eigenvalue. */
const largestSingularValue = (M, H) => Math.sqrt(radiusOf((x) => transposed(M, product(M, x), H), H));

/** The spectral radius: the largest magnitude of an eigenvalue. */
const spectralRadius = (M, H) => radiusOf((x) => product(M, x), H);

const product = (M, x) => affine(M, x, new Float64Array(x.length));

/**
 * The spectral radius of the map v -> M v of H numbers.
 *
 * The growth of ‖M^n v‖ tends to it, but only with an error of the order of 1/n, and a pair of complex
 * eigenvalues lets it go up and down. So after POWERS products, which leave of v mostly its parts along the
 * largest eigenvalues, M is projected onto the space of v, M v, …, M^31 v (Arnoldi's iteration). The
 * largest eigenvalue of this matrix of 32 × 32, real or complex, converges to that of M. Rounds are
 * added until one changes the result by less than 1e-7 of itself: for 256 units a few hundred products, in place of the
 * 256 products of one multiplication of matrices, 31 times.
 */
function radiusOf(multiply, H) {
  const random = randomFrom(1);
  let v = Float64Array.from({ length: H }, () => random() - 0.5);
  const units = Array.from({ length: Math.min(H, SMALL) }, (_, k) => v.map((_, n) => Number(n === k)));
  if (H <= SMALL) return growth(projected(multiply, units), H);
  let radius = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < POWERS; n++) {
      const next = multiply(v);
      const size = length(next);
      if (size === 0) return 0;
      v = next.map((x) => x / size);
    }
    const basis = krylov(multiply, v);
    const before = radius;
    radius = growth(projected(multiply, basis), basis.length);
    if (Math.abs(radius - before) <= 1e-7 * radius) break;
  }
  return radius;
}

/** An orthonormal basis of the space of v, M v, M² v, …: at most SMALL vectors. */
function krylov(multiply, v) {
  const basis = [v];
  while (basis.length < SMALL) {
    let next = multiply(basis.at(-1));
    const whole = length(next);
    for (const q of [...basis, ...basis]) { // twice, so that rounding leaves no part
      const part = inner(q, next);
      next = next.map((x, n) => x - part * q[n]);
    }
    const rest = length(next);
    if (rest <= 1e-12 * whole) break;
    basis.push(next.map((x) => x / rest));
  }
  return basis;
}

/** Q^T M Q, for an orthonormal basis Q: a row for each vector of it. */
function projected(multiply, basis) {
  const m = basis.length;
  const made = new Float64Array(m * m);
  basis.forEach((q, c) => {
    const column = multiply(q);
    for (let r = 0; r < m; r++) made[r * m + c] = inner(basis[r], column);
  });
  return made;
}

function inner(x, y) {
  let sum = 0;
  for (let n = 0; n < x.length; n++) sum += x[n] * y[n];
  return sum;
}

/** The spectral radius of a small matrix, as ‖M^n‖^(1/n) at n = 2^30, by squaring. */
function growth(M, H) {
  let power = Float64Array.from(M);
  let log = 0; // log of the norm so far, divided by n
  for (let n = 1; n <= 2 ** 30; n *= 2) {
    const size = length(power);
    if (size === 0) return 0;
    log += Math.log(size) / n;
    power = power.map((x) => x / size);
    const square = new Float64Array(H * H);
    for (let r = 0; r < H; r++) {
      for (let k = 0; k < H; k++) {
        const factor = power[r * H + k];
        for (let c = 0; c < H; c++) square[r * H + c] += factor * power[k * H + c];
      }
    }
    power = square;
  }
  return Math.exp(log);
}
