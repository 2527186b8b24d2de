// What is kept of rows of attention weights: of each its best keys, entropy, distance and first key; of each key what it got of all.
#pragma once
#include <algorithm>
#include <cstring>

#include "pool.h"
#include "simd.h"

namespace limelight {

constexpr int kMostBest = 64;

// Of one text and head: rows of `keys` weights, `stride` apart. Query i stands in slot `past + i`.
struct Strip {
  const float* weights;
  int64_t rows, keys, stride, past, best;
  int32_t* at;                     // (rows, best): keys, best first; of those that got as much the earlier
  float* got;                      // (rows, best)
  float *entropy, *distance, *first;                       // (rows)
  float* mass;                     // (keys), added to
  int64_t threads;
};

inline __m512 log16(__m512 x) {                            // of what is positive and not denormal
  const __m512 m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
  const __m512 e = _mm512_getexp_ps(_mm512_div_ps(x, m));
  const __m512 t = _mm512_sub_ps(m, _mm512_set1_ps(1.f)), s = _mm512_div_ps(t, _mm512_add_ps(t, _mm512_set1_ps(2.f))), q = _mm512_mul_ps(s, s);
  static constexpr float kOdd[] = {2.f / 11, 2.f / 9, 2.f / 7, 2.f / 5, 2.f / 3, 2.f};
  return _mm512_fmadd_ps(e, _mm512_set1_ps(0.69314718056f), _mm512_mul_ps(s, polynomial(q, kOdd)));
}

struct Best {                      // a short list, best first
  int64_t size = 0, most = 0;
  int32_t at[kMostBest] = {};
  float got[kMostBest] = {};

  float least() const { return size < most ? -1.f : got[most - 1]; }

  void put(int32_t key, float weight) {
    int64_t to = size < most ? size++ : most - 1;
    for (; to > 0 && got[to - 1] < weight; --to) at[to] = at[to - 1], got[to] = got[to - 1];
    at[to] = key, got[to] = weight;
  }
};

inline void row(const Strip& s, int64_t i) {
  const float* w = s.weights + i * s.stride;
  const __m512 tiny = _mm512_set1_ps(1.17549435e-38f), here = _mm512_set1_ps(static_cast<float>(s.past + i));
  __m512 spread = _mm512_setzero_ps(), away = _mm512_setzero_ps();
  __m512 slot = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  Best best;
  best.most = s.best;
  for (int64_t k = 0; k < s.keys; k += 16, slot = _mm512_add_ps(slot, _mm512_set1_ps(16.f))) {
    const __mmask16 there = lanes(s.keys - k);
    const __m512 weight = _mm512_maskz_loadu_ps(there, w + k);
    spread = _mm512_fnmadd_ps(weight, log16(_mm512_max_ps(weight, tiny)), spread);
    away = _mm512_fmadd_ps(weight, _mm512_abs_ps(_mm512_sub_ps(here, slot)), away);
    __mmask16 better = _mm512_mask_cmp_ps_mask(there, weight, _mm512_set1_ps(best.least()), _CMP_GT_OQ);
    for (; better; better = static_cast<__mmask16>(better & (better - 1))) {
      const int32_t key = static_cast<int32_t>(k + __builtin_ctz(better));
      if (w[key] > best.least()) best.put(key, w[key]);
    }
  }
  std::memcpy(s.at + i * s.best, best.at, s.best * sizeof(int32_t));
  std::memcpy(s.got + i * s.best, best.got, s.best * sizeof(float));
  s.entropy[i] = _mm512_reduce_add_ps(spread), s.distance[i] = _mm512_reduce_add_ps(away), s.first[i] = w[0];
}

inline void columns(const Strip& s, Range mine) {                 // each key's sum goes down the rows, whoever adds it
  for (int64_t k = mine.first; k < mine.last; k += 64) {
    const int64_t last = std::min<int64_t>(mine.last, k + 64);
    __m512 sums[4];
    for (int part = 0; part < 4; ++part) sums[part] = _mm512_setzero_ps();
    for (int64_t i = 0; i < s.rows; ++i)
      for (int part = 0; part < 4 && k + 16 * part < last; ++part)
        sums[part] = _mm512_add_ps(sums[part], _mm512_maskz_loadu_ps(lanes(last - k - 16 * part), s.weights + i * s.stride + k + 16 * part));
    for (int part = 0; part < 4 && k + 16 * part < last; ++part) {
      const __mmask16 there = lanes(last - k - 16 * part);
      float* to = s.mass + k + 16 * part;
      _mm512_mask_storeu_ps(to, there, _mm512_add_ps(_mm512_maskz_loadu_ps(there, to), sums[part]));
    }
  }
}

}  // namespace limelight
