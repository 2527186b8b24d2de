// Weights as whole numbers: the fast twins of quant/int8.py and native/groups.py, which say why a few scales are tried.
#include <cstddef>

#include "norm.h"
#include "pool.h"

namespace limelight {
namespace {

constexpr int64_t kGroup = 32;
constexpr float kShares[] = {1.f, 0.95f, 0.9f, 0.85f, 0.8f};

__m512 nearest(__m512 x, float up, float lowest, float highest) {
  const __m512 whole = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(up)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  return _mm512_min_ps(_mm512_max_ps(whole, _mm512_set1_ps(lowest)), _mm512_set1_ps(highest));
}

void store(int8_t* to, __mmask16 there, __m512 whole) { _mm512_mask_cvtepi32_storeu_epi8(to, there, _mm512_cvtps_epi32(whole)); }

float largest_size(const float* x, int64_t width) {
  __m512 most = _mm512_setzero_ps();
  for (int64_t i = 0; i < width; i += 16) most = _mm512_max_ps(most, _mm512_abs_ps(_mm512_maskz_loadu_ps(lanes(width - i), x + i)));
  return _mm512_reduce_max_ps(most);
}

float whole_row(const float* x, int64_t width, int8_t* whole) {
  const float most = largest_size(x, width), plain = (most > 1e-12f ? most : 1e-12f) / 127.f;
  float best = plain, least = __builtin_inff();
  for (const float share : kShares) {
    const float scale = plain * share;
    const __m512 down = _mm512_set1_ps(scale);
    const float error = sum_over(x, width, [&](__m512 v, __mmask16) {
      const __m512 off = _mm512_sub_ps(_mm512_mul_ps(nearest(v, 1.f / scale, -127.f, 127.f), down), v);
      return _mm512_mul_ps(off, off);
    });
    if (error < least) least = error, best = scale;
  }
  for (int64_t i = 0; i < width; i += 16) {
    const __mmask16 there = lanes(width - i);
    store(whole + i, there, nearest(_mm512_maskz_loadu_ps(there, x + i), 1.f / best, -127.f, 127.f));
  }
  return best;
}

struct Pair { __m512 low, high; };

Pair load(const float* x, int64_t left) {
  return {_mm512_maskz_loadu_ps(lanes(left), x), left > 16 ? _mm512_maskz_loadu_ps(lanes(left - 16), x + 16) : _mm512_setzero_ps()};
}

Pair nearest(const Pair& x, float up) { return {nearest(x.low, up, -8.f, 7.f), nearest(x.high, up, -8.f, 7.f)}; }

float dot(const Pair& a, const Pair& b) { return _mm512_reduce_add_ps(_mm512_fmadd_ps(a.low, b.low, _mm512_mul_ps(a.high, b.high))); }

float inverse(float x) { return x == 0.f ? 0.f : 1.f / x; }

// The scale of a group that leaves the least squared error: with whole numbers q it is xq / qq, and takes xq^2 / qq off the error.
float group_scale(const Pair& x) {
  const float top = _mm512_reduce_max_ps(_mm512_max_ps(x.low, x.high)), bottom = _mm512_reduce_min_ps(_mm512_min_ps(x.low, x.high));
  const float far = top >= -bottom ? top : bottom;
  float best = 0.f, most = 0.f;
  for (const float start : {far / -8.f, far / 7.f})
    for (const float share : kShares) {
      const Pair q = nearest(x, inverse(start * share));
      const float along = dot(x, q), size = dot(q, q), gain = size > 0.f ? along * along / size : 0.f;
      if (gain > most) most = gain, best = along / size;
    }
  return best;
}

float whole_groups(const float* x, int64_t width, int8_t* whole, uint16_t* shares, float* scales) {
  const int64_t groups = (width + kGroup - 1) / kGroup;
  for (int64_t g = 0; g < groups; ++g) scales[g] = group_scale(load(x + g * kGroup, width - g * kGroup));
  const float most = largest_size(scales, groups), row = most > 1e-30f ? most : 1e-30f;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t left = width - g * kGroup;
    shares[g] = _cvtss_sh(scales[g] / row, _MM_FROUND_TO_NEAREST_INT);
    const Pair q = nearest(load(x + g * kGroup, left), inverse(_cvtsh_ss(shares[g]) * row));
    store(whole + g * kGroup, lanes(left), q.low);
    if (left > 16) store(whole + g * kGroup + 16, lanes(left - 16), q.high);
  }
  return row;
}

}  // namespace

// Rows of `width`; `shares` and `scales` (one for each group) are asked for by int4 alone.
struct Whole { const float* x; int64_t rows, width; int8_t* whole; float* scale; uint16_t* shares; float* scales; int threads; };

LIMELIGHT_API void limelight_quantise(const Whole* w) {
  Pool& pool = Pool::shared();
  const int64_t groups = (w->width + kGroup - 1) / kGroup;
  pool.run(w->threads, [&](int index) {
    const Range mine = pool.mine(w->rows, index);
    for (int64_t r = mine.first; r < mine.last; ++r) {
      const float* x = w->x + r * w->width;
      int8_t* whole = w->whole + r * w->width;
      w->scale[r] = w->shares ? whole_groups(x, w->width, whole, w->shares + r * groups, w->scales + r * groups) : whole_row(x, w->width, whole);
    }
  });
}

}  // namespace limelight
