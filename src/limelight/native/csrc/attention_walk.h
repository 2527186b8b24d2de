// Some rows of one item, over the chunks of its keys, with a running softmax.
//
// Chunks are cut at fixed slots, so that the softmax of a query takes the same steps whatever stands beside it. A chunk's keys are packed 16 to a
// register (lane = key) and its values by rows (lane = channel); in bfloat16 two neighbours along the sum share a lane, as vdpbf16ps wants them. So
// both products are the same small matrix product, six rows by four registers, each lane a sum in order. Packed chunks serve all rows of a thread's
// part. Where bfloat16 pairs are multiplied, queries and weights are rounded to nearest even before they meet keys and values; scores, sums and the
// softmax are float32.
#pragma once
#include <cmath>
#include <limits>

#include "attention_chunks.h"
#include "attention_products.h"

namespace limelight {

constexpr int BLOCK = 48;                        // rows that meet a chunk while it is in the nearest cache
constexpr int DIRECT = 6;                        // rows up to which keys and values are not packed
constexpr float HIDDEN = -std::numeric_limits<float>::infinity();
constexpr float LOG2E = 1.4426950408889634f;

// What a query may see, first to before last, as far as its slot says.
struct Seen { int first, last; };

inline Seen seen(const Asked& a, int query) {
  const int64_t at = static_cast<int64_t>(a.past) + query;
  int64_t first = 0, last = a.slots;
  if (a.causal) last = std::min<int64_t>(last, at + 1);
  if (a.window > 0) first = std::max<int64_t>(0, at - a.window + 1), last = std::min<int64_t>(last, at + a.window);
  last = std::max<int64_t>(last, 0);
  return {static_cast<int>(std::min(first, last)), static_cast<int>(last)};
}

inline __mmask16 kept(const uint8_t* keep, int n) {
  const __m128i bytes = _mm_maskz_loadu_epi8(lanes(n), keep);
  return _mm_test_epi8_mask(bytes, bytes);
}

// Rows first .. last - 1 of an item; row r is head r % heads of query r / heads, so that neighbours see nearly the same slots.
struct Part { int64_t first, last; };

template <class Kind> class Walk {
  using Stand = Chunks<Kind>;
  using Element = typename Stand::Element;
  using There = typename Stand::There;

 public:
  Walk(const Asked& asked, const Keys& keys, Scratch& scratch, Part part) : a_(asked), part_(part), chunks_(asked, keys) {
    const int64_t rows = part.last - part.first, wide = chunks_.vectors() * LANES;
    const bool stay = rows > BLOCK;
    direct_ = rows <= DIRECT;
    const int64_t words = chunks_.words(stay) + BLOCK * (q_row() + wide + LANES) + ROWS * CHUNK * 2;
    auto* at = chunks_.house(reinterpret_cast<uint32_t*>(scratch.room(words * 4)), stay);
    q_ = at, at += BLOCK * q_row();
    out_ = reinterpret_cast<float*>(at), at += BLOCK * wide;
    sums_ = reinterpret_cast<float*>(at), at += BLOCK * LANES;
    scores_ = reinterpret_cast<float*>(at), at += ROWS * CHUNK;
    weights_ = at;
  }

  void all() {
    const int64_t rows = part_.last - part_.first, blocks = (rows + BLOCK - 1) / BLOCK;
    for (int64_t i = 0; i < blocks; ++i) block(part_.first + rows * i / blocks, part_.first + rows * (i + 1) / blocks);
  }

 private:
  Seen sees(int64_t row) const {
    const Seen s = seen(a_, static_cast<int>(row / a_.heads));
    return {std::max(s.first, chunks_.first()), std::min(s.last, chunks_.last())};
  }

  void block(int64_t first, int64_t last) {
    const int rows = static_cast<int>(last - first), groups = (rows + ROWS - 1) / ROWS;
    int from = a_.slots, to = 0;
    for (int r = 0; r < rows; ++r) {
      const Seen s = sight_[r] = sees(first + r);
      if (s.first < s.last) from = std::min(from, s.first), to = std::max(to, s.last);
      begin_row(first + r, r);
    }
    for (int c = from / CHUNK; c * CHUNK < to; ++c) {
      const uint32_t* keys = direct_ ? nullptr : chunks_.packed(c);
      for (int g = 0; g < groups; ++g) meet(c * CHUNK, keys, rows * g / groups, rows * (g + 1) / groups, first);
    }
    for (int r = 0; r < rows; ++r) end_row(first + r, r);
  }

  void begin_row(int64_t row, int r) {
    uint32_t* q = q_ + r * q_row();
    std::fill_n(q, q_row(), 0);
    const int64_t at = row / a_.heads * a_.q_stride + row % a_.heads * a_.q_head_stride;
    const Vec sign = _mm512_set1_ps(a_.scale < 0 ? -0.0f : 0.0f);
    for (int i = 0; i < a_.width; i += LANES) {
      const __mmask16 there = lanes(a_.width - i);
      const Vec x = a_.half ? widened(_mm256_maskz_loadu_epi16(there, reinterpret_cast<const uint16_t*>(a_.q) + at + i))
                            : _mm512_maskz_loadu_ps(there, a_.q + at + i);
      Kind::put_weights(q + i / Kind::PER_STEP, _mm512_maskz_xor_ps(there, x, sign));
    }
    std::fill_n(out_ + static_cast<int64_t>(r) * chunks_.vectors() * LANES, chunks_.vectors() * LANES, 0.0f);
    std::fill_n(sums_ + r * LANES, LANES, 0.0f);
    most_[r] = HIDDEN;
  }

  void end_row(int64_t row, int r) {
    const float sum = _mm512_reduce_add_ps(_mm512_loadu_ps(sums_ + r * LANES));
    const Vec share = _mm512_set1_ps(sum == 0 ? 0.0f : 1.0f / sum);
    const int64_t at = row / a_.heads * a_.out_stride + row % a_.heads * a_.out_head_stride;
    const float* sums = out_ + static_cast<int64_t>(r) * chunks_.vectors() * LANES;
    for (int i = 0; i < a_.width; i += Kind::PAIRED * LANES) {
      Vec x[Kind::PAIRED];
      UNROLLED for (int p = 0; p < Kind::PAIRED; ++p) x[p] = _mm512_mul_ps(_mm512_loadu_ps(sums + i + p * LANES), share);
      Kind::in_order(x);
      UNROLLED for (int p = 0; p < Kind::PAIRED; ++p) put(at + i + p * LANES, lanes(a_.width - i - p * LANES), x[p]);
    }
  }

  void put(int64_t at, __mmask16 there, Vec x) const {
    if (a_.half) _mm256_mask_storeu_epi16(reinterpret_cast<uint16_t*>(a_.out) + at, there, narrowed(x));
    else _mm512_mask_storeu_ps(a_.out + at, there, x);
  }

  // The products of M rows with keys and values where they stand: for so few rows, packing is not worth its stores.
  template <int M> void scores_direct(int c, int t0, int t1, int r0) {
    const Element* const* rows = chunks_.find(c);
    const uint32_t* q = q_ + int64_t{r0} * q_row();
    for (int t = t0; t < t1; ++t) {
      Vec sum[M];
      UNROLLED for (int m = 0; m < M; ++m) sum[m] = _mm512_setzero_ps();
      for (int s = 0; s < chunks_.steps(); s += Stand::SQUARE) {
        Bits r[LANES];
        chunks_.square(rows + t * LANES, s, r);
        const uint32_t* asked = q + s;
        UNROLLED for (int i = 0; i < LANES; ++i)
          UNROLLED for (int j = 0; j < Kind::PER_WORD; ++j, ++asked) {
            const Bits key = Kind::step_of(r[i], j);
            UNROLLED for (int m = 0; m < M; ++m) sum[m] = Kind::add_product(sum[m], _mm512_set1_epi32(static_cast<int>(asked[m * q_row()])), key);
          }
      }
      UNROLLED for (int m = 0; m < M; ++m) _mm512_storeu_ps(scores_ + m * CHUNK + t * LANES, sum[m]);
    }
  }

  template <int M> void values_direct(int c, int t0, int t1, int r0, const float* fade) {
    constexpr int WIDE = 4;
    const Element* const* rows = chunks_.find_values(c);
    const Element* const* next = chunks_.next_keys(c);
    const int vectors = chunks_.vectors();
    for (int v = 0; v < vectors; v += WIDE) {
      float* out = out_ + (int64_t{r0} * vectors + v) * LANES;
      const int wide = std::min(WIDE, vectors - v);
      const uint32_t* weights = weights_;
      There there[WIDE / Kind::PAIRED];
      UNROLLED for (int i = 0; i < WIDE; i += Kind::PAIRED) there[i / Kind::PAIRED] = Kind::there(a_.width - (v + i) * LANES);
      Vec sum[M][WIDE];
      UNROLLED for (int m = 0; m < M; ++m)
        UNROLLED for (int i = 0; i < WIDE; ++i)
          sum[m][i] = _mm512_mul_ps(i < wide ? _mm512_loadu_ps(out + (m * vectors + i) * LANES) : _mm512_setzero_ps(), _mm512_set1_ps(fade[m]));
      for (int t = t0 * LANES; t < t1 * LANES; t += Kind::PER_STEP) {
        Bits right[WIDE / Kind::PAIRED][Kind::PAIRED];
        UNROLLED for (int i = 0; i < WIDE; i += Kind::PAIRED)
          Stand::steps_of_values(rows + t, next + t, v + i, there[i / Kind::PAIRED], right[i / Kind::PAIRED]);
        UNROLLED for (int m = 0; m < M; ++m) {
          const Bits left = _mm512_set1_epi32(static_cast<int>(weights[(m * CHUNK + t) / Kind::PER_STEP]));
          UNROLLED for (int i = 0; i < WIDE; ++i) sum[m][i] = Kind::add_product(sum[m][i], left, right[i / Kind::PAIRED][i % Kind::PAIRED]);
        }
      }
      UNROLLED for (int m = 0; m < M; ++m)
        UNROLLED for (int i = 0; i < WIDE; ++i)
          if (i < wide) _mm512_storeu_ps(out + (m * vectors + i) * LANES, sum[m][i]);
    }
  }

  int64_t q_row() const { return chunks_.key_row(); }

  // Rows r0 .. r1 - 1 of the block meet the chunk that begins at slot `start`.
  void meet(int start, const uint32_t* keys, int r0, int r1, int64_t first_row) {
    int from = start + CHUNK, to = start;
    for (int r = r0; r < r1; ++r)
      if (sight_[r].first < sight_[r].last) from = std::min(from, sight_[r].first), to = std::max(to, sight_[r].last);
    const int t0 = std::max(from - start, 0) / LANES, t1 = std::min(up(to - start, LANES), CHUNK) / LANES;
    if (t0 >= t1) return;
    float fade[ROWS];
    score(start / CHUNK, keys, t0, t1, r0, r1 - r0);
    for (int r = r0; r < r1; ++r) fade[r - r0] = soften(start, t0, t1, r, r0, first_row);
    add_values(start / CHUNK, keys, t0, t1, r0, r1 - r0, fade);
  }

  void score(int c, const uint32_t* keys, int t0, int t1, int r0, int rows) {
    if (direct_) return with_count(rows, [&](auto m) { scores_direct<m()>(c, t0, t1, r0); });
    const Product* product = products<Kind>[rows - 1];
    const int wide = widest(rows);
    for (int t = t0; t < t1; t += wide)
      product[std::min(wide, t1 - t) - 1](q_ + r0 * q_row(), q_row(), keys + t * q_row() * LANES, LANES, q_row() * LANES, chunks_.steps(),
                                          scores_ + t * LANES, CHUNK, nullptr);
  }

  void add_values(int c, const uint32_t* keys, int t0, int t1, int r0, int rows, const float* fade) {
    if (direct_) return with_count(rows, [&](auto m) { values_direct<m()>(c, t0, t1, r0, fade); });
    const Product* product = products<Kind>[rows - 1];
    const int64_t step = int64_t{chunks_.vectors()} * LANES, s0 = t0 * LANES / Kind::PER_STEP, s1 = t1 * LANES / Kind::PER_STEP;
    const uint32_t* values = keys + chunks_.key_words();
    const int vectors = chunks_.vectors(), wide = widest(rows), parts = (vectors + wide - 1) / wide;
    for (int p = 0; p < parts; ++p) {
      const int v0 = vectors * p / parts, v1 = vectors * (p + 1) / parts;
      product[v1 - v0 - 1](weights_ + s0, CHUNK / Kind::PER_STEP, values + s0 * step + v0 * LANES, step, LANES, s1 - s0,
                           out_ + r0 * step + v0 * LANES, step, fade);
    }
  }

  // Scores of one row become weights relative to the most so far -> what all before is to be multiplied by.
  float soften(int start, int t0, int t1, int r, int r0, int64_t first_row) {
    float* scores = scores_ + (r - r0) * CHUNK;
    const Seen s = sight_[r];
    const float scale = std::fabs(a_.scale) * LOG2E;
    const bool raw = !a_.bias && scale > 0;                  // then the scale is applied on the way to the weights
    Vec most = _mm512_set1_ps(HIDDEN);
    for (int t = t0; t < t1; ++t) {
      const int at = start + t * LANES;
      Vec x = _mm512_loadu_ps(scores + t * LANES);
      const bool whole = at >= s.first && at + LANES <= s.last && !a_.keep;
      if (!(whole && raw)) {
        __mmask16 there = lanes(s.last - at) & ~lanes(s.first - at);
        if (a_.keep) there &= kept(a_.keep + at, a_.slots - at);
        if (!raw) x = scaled(x, scale, there, at, first_row + r);
        x = _mm512_mask_mov_ps(_mm512_set1_ps(HIDDEN), there, x);
        _mm512_storeu_ps(scores + t * LANES, x);
      }
      most = _mm512_max_ps(most, x);
    }
    const float factor = raw ? scale : 1.0f, before = most_[r], now = std::max(before, _mm512_reduce_max_ps(most) * factor);
    const float base = now == HIDDEN ? 0.0f : now;            // where nothing was seen yet
    most_[r] = now;
    return weigh(t0, t1, r, r0, factor, base, before - base);
  }

  Vec scaled(Vec x, float scale, __mmask16 there, int at, int64_t row) const {
    const Vec y = _mm512_mul_ps(x, _mm512_set1_ps(scale));
    if (!a_.bias) return y;
    const float* bias = a_.bias + row / a_.heads * a_.bias_q_stride + row % a_.heads * a_.bias_head_stride + at;
    return _mm512_fmadd_ps(_mm512_maskz_loadu_ps(there, bias), _mm512_set1_ps(LOG2E), y);
  }

  float weigh(int t0, int t1, int r, int r0, float factor, float base, float fallen) {
    const float* scores = scores_ + (r - r0) * CHUNK;
    uint32_t* weights = weights_ + (r - r0) * (CHUNK / Kind::PER_STEP);
    const Vec by = _mm512_set1_ps(factor), less = _mm512_set1_ps(base);
    const Vec fade = exp2_16(_mm512_set1_ps(fallen));
    Vec sum = _mm512_mul_ps(_mm512_loadu_ps(sums_ + r * LANES), fade);
    for (int t = t0; t < t1; ++t) {
      const Vec p = exp2_16(_mm512_fmsub_ps(_mm512_loadu_ps(scores + t * LANES), by, less));
      sum = _mm512_add_ps(sum, p);
      Kind::put_weights(weights + t * LANES / Kind::PER_STEP, p);
    }
    _mm512_storeu_ps(sums_ + r * LANES, sum);
    return _mm512_cvtss_f32(fade);
  }

  const Asked& a_;
  const Part part_;
  Stand chunks_;
  bool direct_;
  uint32_t *q_, *weights_;
  float *out_, *sums_, *scores_;
  float most_[BLOCK];
  Seen sight_[BLOCK];
};

}  // namespace limelight
