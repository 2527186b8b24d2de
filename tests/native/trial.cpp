// The parts of csrc that Python does not reach by themselves, for test_native_parts.py.
#include <cmath>

#include "bfloat.h"
#include "norm.h"
#include "pool.h"

using namespace limelight;

LIMELIGHT_API void trial_norm(int rms, const float* x, int64_t rows, int64_t width, const float* weight, const float* bias, float* y) {
  for (int64_t r = 0; r < rows; ++r) {
    if (rms) rms_norm(x + r * width, width, weight, 1e-5f, y + r * width);
    else layer_norm(x + r * width, width, weight, bias, 1e-5f, y + r * width);
  }
}

LIMELIGHT_API void trial_exp(const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; i += 16) _mm512_mask_storeu_ps(y + i, lanes(n - i), exp16(_mm512_maskz_loadu_ps(lanes(n - i), x + i)));
}

LIMELIGHT_API void trial_exp2(const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; i += 16) _mm512_mask_storeu_ps(y + i, lanes(n - i), exp2_16(_mm512_maskz_loadu_ps(lanes(n - i), x + i)));
}

LIMELIGHT_API void trial_bfloats(const float* x, int64_t width, uint16_t* narrow, float* rounded) {
  narrow_row(x, width, narrow);
  rounded_row(x, width, rounded);
}

// Every round each thread adds its neighbour's number of the round before to its own: wrong as soon as one thread is early or late.
LIMELIGHT_API int trial_barriers(int threads, int rounds, int64_t* numbers) {
  Pool& pool = Pool::shared();
  int count = 0;
  pool.run(threads, [&](int index) {
    const int n = pool.count();
    if (!index) count = n;
    for (int round = 0; round < rounds; ++round) {
      const int64_t next = numbers[round % 2 * 64 + (index + 1) % n] + 1;
      numbers[(round + 1) % 2 * 64 + index] = next;
      pool.barrier();
    }
  });
  return count;
}

// How often each of `items` was taken, in `rounds` with a barrier between them.
LIMELIGHT_API void trial_take(int threads, int rounds, int64_t items, int32_t* taken) {
  Pool& pool = Pool::shared();
  pool.run(threads, [&](int) {
    for (int round = 0; round < rounds; ++round) {
      for (int64_t i = pool.take(); i < items; i = pool.take()) __atomic_fetch_add(taken + i, 1, __ATOMIC_RELAXED);
      pool.barrier();
    }
  });
}

LIMELIGHT_API void trial_share(int64_t items, int count, int64_t piece, int64_t* edges) {
  for (int index = 0; index < count; ++index) {
    const Range mine = share(items, index, count, piece);
    edges[2 * index] = mine.first, edges[2 * index + 1] = mine.last;
  }
}
