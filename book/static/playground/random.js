// A small seeded generator: the same seed and stream give the same numbers on every visit.
// The generator is sfc32 (Doty-Humphrey, PractRand); a seed's streams are independent of each other.

export class Random {
  // seed: a whole number; stream: what the numbers are for, such as "weights".
  constructor(seed, stream) {
    let hash = 0x811c9dc5; // FNV-1a over the name, then the seed
    for (const letter of stream) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
    this.a = hash;
    this.b = seed | 0;
    this.c = 0x9e3779b9 | 0;
    this.count = 1;
    for (let k = 0; k < 20; k++) this.uniform(); // near seeds start far apart
  }

  // A number from 0 up to, but not, 1, with 32 random bits.
  uniform() {
    const drawn = (this.a + this.b + this.count) | 0;
    this.count = (this.count + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + drawn) | 0;
    return (drawn >>> 0) / 4294967296;
  }

  // A whole number from 0 up to, but not, `end`.
  below(end) {
    return Math.floor(this.uniform() * end);
  }

  // A draw of mean 0 and variance 1, by Marsaglia's polar method.
  normal() {
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const square = u * u + v * v;
      if (square > 0 && square < 1) return u * Math.sqrt((-2 * Math.log(square)) / square);
    }
  }

  // Puts an array into random order, in place (Fisher and Yates).
  shuffle(array) {
    for (let k = array.length - 1; k > 0; k--) {
      const other = this.below(k + 1);
      [array[k], array[other]] = [array[other], array[k]];
    }
    return array;
  }

  // The numbers from 0 to count - 1 in random order.
  permutation(count) {
    return this.shuffle(Int32Array.from({ length: count }, (_, k) => k));
  }
}
