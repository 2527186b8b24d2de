// How it goes: keys are met in chunks that are cut at fixed slots, so that the running softmax of a query takes the same steps whatever stands
// beside it. A chunk's keys are packed 16 to a register (lane = key) and its values by rows (lane = channel); in bfloat16 two neighbours along the
// sum share a lane, as vdpbf16ps wants them. So both products are the same small matrix product, six rows by four registers, each lane a sum in
// order. Packed chunks serve all rows of a thread's part. In bfloat16 queries and weights are rounded to nearest even before they meet keys and
// values; scores, sums and the softmax are float32.
#include "attention.h"

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "pool.h"

namespace limelight {
namespace {

constexpr int LANES = 16, CHUNK = 128, TILES = CHUNK / LANES;
constexpr int ROWS = 6;                          // of a microkernel, with 24 sums in registers
constexpr int BLOCK = 48;                        // rows that meet a chunk while it is in the nearest cache
constexpr int DIRECT = 6;                        // rows up to which keys and values are not packed
constexpr float HIDDEN = -std::numeric_limits<float>::infinity();
constexpr float LOG2E = 1.4426950408889634f;

#define UNROLLED _Pragma("GCC unroll 16")

using Vec = __m512;
using Bits = __m512i;

inline int up(int n, int step) { return (n + step - 1) / step * step; }
inline __mmask16 first_lanes(int n) { return n >= LANES ? 0xFFFF : n <= 0 ? 0 : static_cast<__mmask16>((1u << n) - 1); }

// 2^x for x <= 1, within 1e-7 relative; 0 below 2^-126; NaN stays.
inline Vec exp2_of(Vec x) {
  const Vec whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const Vec r = _mm512_sub_ps(x, whole);
  Vec p = _mm512_set1_ps(0.00015353361959569156f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0013398875016719103f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.00961843691766262f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.055503323674201965f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.24022647738456726f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.6931471824645996f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  const __mmask16 not_tiny = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-126.0f), _CMP_NLT_UQ);
  return _mm512_maskz_scalef_ps(not_tiny, p, whole);
}

inline uint32_t bits_of(float x) { uint32_t b; std::memcpy(&b, &x, 4); return b; }
inline float float_of(uint32_t b) { float x; std::memcpy(&x, &b, 4); return x; }

// float32 <-> bfloat16, 16 at a time; to nearest even, NaN stays NaN.
inline __m256i narrowed(Vec x) {
#ifdef __AVX512BF16__
  return (__m256i)_mm512_cvtneps_pbh(x);
#else
  const Bits b = _mm512_castps_si512(x);
  const Bits odd = _mm512_and_si512(_mm512_srli_epi32(b, 16), _mm512_set1_epi32(1));
  const Bits round = _mm512_add_epi32(b, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
  const Bits kept = _mm512_mask_or_epi32(round, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), b, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16));
#endif
}
inline Vec widened(__m256i x) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16)); }

// What the two number formats do differently. A `step` is what one lane takes of a sum at a time: one float32, or two bfloat16.
struct Single {
  using Element = float;
  static constexpr int PER_STEP = 1;
  static Vec add_product(Vec sum, Bits a, Bits b) { return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum); }
  using There = __mmask16;
  static There there(int n) { return first_lanes(n); }                       // the first n elements of a register
  static Bits steps_of(const float* row, There there) { return _mm512_maskz_loadu_epi32(there, row); }
  static void put_weights(uint32_t* at, Vec p) { _mm512_storeu_ps(at, p); }

  // Registers of 16 channels, PAIRED at a time, of the values of one step.
  static constexpr int PAIRED = 1;
  static void value_steps(const float* const* rows, int i, There there, Bits (&out)[1]) { out[0] = steps_of(rows[0] + i, there); }
};

struct Half {
  using Element = uint16_t;
  static constexpr int PER_STEP = 2;
  static Vec add_product(Vec sum, Bits a, Bits b) {
#ifdef __AVX512BF16__
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
#else
    const Bits high = _mm512_set1_epi32(static_cast<int>(0xFFFF0000u));
    sum = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(a, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(b, 16)), sum);
    return _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(a, high)), _mm512_castsi512_ps(_mm512_and_si512(b, high)), sum);
#endif
  }
  using There = __mmask32;
  static There there(int n) { return n >= 32 ? 0xFFFFFFFFu : n <= 0 ? 0u : (1u << n) - 1; }
  static Bits steps_of(const uint16_t* row, There there) { return _mm512_maskz_loadu_epi16(there, row); }
  static void put_weights(uint32_t* at, Vec p) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), narrowed(p)); }

  static constexpr int PAIRED = 2;
  static void value_steps(const uint16_t* const* rows, int i, There there, Bits (&out)[2]) {
    const Bits low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
    const Bits a = steps_of(rows[0] + i, there), b = steps_of(rows[1] + i, there);
    out[0] = _mm512_permutex2var_epi16(a, low, b);
    out[1] = _mm512_permutex2var_epi16(a, _mm512_add_epi16(low, _mm512_set1_epi16(16)), b);
  }
};

// c (M rows, N registers) = c * fade + a (M rows of steps, each broadcast) x b (steps of N registers). fade null: c = a x b.
template <class Kind, int M, int N>
void product(const uint32_t* a, int64_t a_row, const uint32_t* b, int64_t b_step, int64_t b_vector, int64_t steps, float* c, int64_t c_row,
             const float* fade) {
  Vec sum[M][N];
  UNROLLED for (int m = 0; m < M; ++m)
    UNROLLED for (int n = 0; n < N; ++n) sum[m][n] = _mm512_setzero_ps();
  if (fade) {
    UNROLLED for (int m = 0; m < M; ++m)
      UNROLLED for (int n = 0; n < N; ++n) sum[m][n] = _mm512_mul_ps(_mm512_loadu_ps(c + m * c_row + n * LANES), _mm512_set1_ps(fade[m]));
  }
  for (int64_t s = 0; s < steps; ++s, b += b_step) {
    Bits right[N];
    UNROLLED for (int n = 0; n < N; ++n) right[n] = _mm512_loadu_si512(b + n * b_vector);
    UNROLLED for (int m = 0; m < M; ++m) {
      const Bits left = _mm512_set1_epi32(static_cast<int>(a[m * a_row + s]));
      UNROLLED for (int n = 0; n < N; ++n) sum[m][n] = Kind::add_product(sum[m][n], left, right[n]);
    }
  }
  UNROLLED for (int m = 0; m < M; ++m)
    UNROLLED for (int n = 0; n < N; ++n) _mm512_storeu_ps(c + m * c_row + n * LANES, sum[m][n]);
}

using Product = void (*)(const uint32_t*, int64_t, const uint32_t*, int64_t, int64_t, int64_t, float*, int64_t, const float*);

// The most registers that so many rows can have sums in: enough of them hide the latency of a product.
constexpr int widest(int rows) { return rows <= 3 ? 8 : 4; }

template <class Kind, int M> constexpr Product by_vectors[8] = {
    product<Kind, M, 1>, product<Kind, M, 2>, product<Kind, M, 3>, product<Kind, M, 4>,
    M <= 3 ? product<Kind, M <= 3 ? M : 1, 5> : nullptr, M <= 3 ? product<Kind, M <= 3 ? M : 1, 6> : nullptr,
    M <= 3 ? product<Kind, M <= 3 ? M : 1, 7> : nullptr, M <= 3 ? product<Kind, M <= 3 ? M : 1, 8> : nullptr};

template <class Kind> constexpr const Product* products[ROWS] = {by_vectors<Kind, 1>, by_vectors<Kind, 2>, by_vectors<Kind, 3>,
                                                                 by_vectors<Kind, 4>, by_vectors<Kind, 5>, by_vectors<Kind, 6>};

inline void transpose(Bits (&r)[LANES]) {
  Bits t[LANES];
  UNROLLED for (int i = 0; i < 16; i += 4) {                                   // 4 x 4 within each quarter
    const Bits a = _mm512_unpacklo_epi32(r[i], r[i + 1]), b = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    const Bits c = _mm512_unpacklo_epi32(r[i + 2], r[i + 3]), d = _mm512_unpackhi_epi32(r[i + 2], r[i + 3]);
    t[i] = _mm512_unpacklo_epi64(a, c), t[i + 1] = _mm512_unpackhi_epi64(a, c);
    t[i + 2] = _mm512_unpacklo_epi64(b, d), t[i + 3] = _mm512_unpackhi_epi64(b, d);
  }
  UNROLLED for (int i = 0; i < 4; ++i) {                                       // then the quarters
    const Bits a = _mm512_shuffle_i32x4(t[i], t[i + 4], 0x88), b = _mm512_shuffle_i32x4(t[i], t[i + 4], 0xDD);
    const Bits c = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0x88), d = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0xDD);
    r[i] = _mm512_shuffle_i32x4(a, c, 0x88), r[i + 8] = _mm512_shuffle_i32x4(a, c, 0xDD);
    r[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88), r[i + 12] = _mm512_shuffle_i32x4(b, d, 0xDD);
  }
}

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
  const __m128i bytes = _mm_maskz_loadu_epi8(first_lanes(n), keep);
  return _mm_test_epi8_mask(bytes, bytes);
}

// Rows first .. last - 1 of an item; row r is head r % heads of query r / heads, so that neighbours see nearly the same slots.
struct Part { int64_t first, last; };

template <class Kind> class Work {
  using Element = typename Kind::Element;
  using There = typename Kind::There;

 public:
  Work(const Asked& asked, const Keys& keys, Scratch& scratch, Part part)
      : a_(asked), k_(keys), part_(part), base_(static_cast<const Element*>(keys.base)), steps_(up(asked.width, Kind::PER_STEP) / Kind::PER_STEP),
        vectors_(up(asked.width, LANES) / LANES), key_chunk_(int64_t{CHUNK} * up(steps_, LANES)),
        value_chunk_(int64_t{CHUNK} / Kind::PER_STEP * vectors_ * LANES) {
    trim();
    single_ = part.last - part.first <= BLOCK, direct_ = part.last - part.first <= DIRECT;
    const int64_t chunks = single_ ? 1 : (slots_ + CHUNK - 1) / CHUNK;
    const int64_t words = chunks * (key_chunk_ + value_chunk_) + BLOCK * (up(steps_, LANES) + vectors_ * LANES + LANES) + ROWS * CHUNK * 2 + vectors_ * LANES;
    auto* at = reinterpret_cast<uint32_t*>(scratch.room(words * 4));
    packed_ = at, at += chunks * (key_chunk_ + value_chunk_);
    q_ = at, at += BLOCK * up(steps_, LANES);
    out_ = reinterpret_cast<float*>(at), at += BLOCK * vectors_ * LANES;
    sums_ = reinterpret_cast<float*>(at), at += BLOCK * LANES;
    scores_ = reinterpret_cast<float*>(at), at += ROWS * CHUNK;
    weights_ = at, at += ROWS * CHUNK;
    std::fill_n(at, vectors_ * LANES, 0);
    zeros_ = reinterpret_cast<const Element*>(at);
  }

  void all() {
    const int64_t rows = part_.last - part_.first, blocks = (rows + BLOCK - 1) / BLOCK;
    for (int64_t i = 0; i < blocks; ++i) block(part_.first + rows * i / blocks, part_.first + rows * (i + 1) / blocks);
  }

 private:
  // Slots that nobody keeps at either end are not there.
  void trim() {
    slots_ = a_.slots, begin_ = 0;
    if (!a_.keep) return;
    while (slots_ > 0 && !a_.keep[slots_ - 1]) --slots_;
    while (begin_ < slots_ && !a_.keep[begin_]) ++begin_;
  }

  Seen sees(int64_t row) const {
    const Seen s = seen(a_, static_cast<int>(row / a_.heads));
    return {std::max(s.first, begin_), std::min(s.last, slots_)};
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
      const uint32_t* keys = direct_ ? packed_ : chunk(c);
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
      const __mmask16 lanes = first_lanes(a_.width - i);
      const Vec x = a_.half ? widened(_mm256_maskz_loadu_epi16(lanes, reinterpret_cast<const uint16_t*>(a_.q) + at + i))
                            : _mm512_maskz_loadu_ps(lanes, a_.q + at + i);
      Kind::put_weights(q + i / Kind::PER_STEP, _mm512_maskz_xor_ps(lanes, x, sign));
    }
    std::fill_n(out_ + static_cast<int64_t>(r) * vectors_ * LANES, vectors_ * LANES, 0.0f);
    std::fill_n(sums_ + r * LANES, LANES, 0.0f);
    most_[r] = HIDDEN;
  }

  void end_row(int64_t row, int r) {
    const float sum = _mm512_reduce_add_ps(_mm512_loadu_ps(sums_ + r * LANES));
    const Vec share = _mm512_set1_ps(sum == 0 ? 0.0f : 1.0f / sum);
    const int64_t at = row / a_.heads * a_.out_stride + row % a_.heads * a_.out_head_stride;
    for (int i = 0; i < a_.width; i += LANES) {
      const __mmask16 lanes = first_lanes(a_.width - i);
      const Vec x = _mm512_mul_ps(_mm512_loadu_ps(out_ + static_cast<int64_t>(r) * vectors_ * LANES + i), share);
      if (a_.half) _mm256_mask_storeu_epi16(reinterpret_cast<uint16_t*>(a_.out) + at + i, lanes, narrowed(x));
      else _mm512_mask_storeu_ps(a_.out + at + i, lanes, x);
    }
  }

  // Where the keys of a chunk stand, zeros after the last; nothing is divided for each of them.
  const Element* const* find(int c) {
    const Element** stands = stands_[c & 1];
    if (found_[c & 1] == c) return stands;
    found_[c & 1] = c;
    const int start = c * CHUNK, there = there_in(c);
    int64_t page = start / k_.page, in = start % k_.page;
    const Element* at = base_ + k_.pages[page] + in * k_.token_stride;
    for (int t = 0; t < there; ++t, at += k_.token_stride) {
      if (in++ == k_.page) at = base_ + k_.pages[++page], in = 1;
      stands[t] = at;
    }
    std::fill(stands + there, stands + CHUNK, zeros_);
    return stands;
  }

  int there_in(int c) const { return std::clamp(slots_ - c * CHUNK, 0, CHUNK); }

  // The packed keys of chunk c, its values after them. Rows come with growing slots, so a chunk that has been packed for one is there for all.
  const uint32_t* chunk(int c) {
    uint32_t* at = packed_ + (single_ ? 0 : c) * (key_chunk_ + value_chunk_);
    if (c < packed_to_ && c >= packed_from_) return at;
    if (single_ || packed_to_ == packed_from_) packed_from_ = c;
    packed_to_ = c + 1;
    pack_keys(c, at);
    pack_values(c, at + key_chunk_);
    return at;
  }

  void pack_keys(int c, uint32_t* at) {
    const Element* const* rows = find(c);
    for (int t = 0; t < there_in(c); t += LANES)
      for (int s = 0; s < steps_; s += LANES, at += LANES * LANES) {
        Bits r[LANES];
        square(rows + t, s, r);
        UNROLLED for (int i = 0; i < LANES; ++i) _mm512_storeu_si512(at + i * LANES, r[i]);
      }
  }

  // 16 steps, from s on, of 16 keys: lane = key. Here memory is met: the values of these keys are wanted next.
  void square(const Element* const* rows, int s, Bits (&r)[LANES]) const {
    const int from = s * Kind::PER_STEP;
    const int64_t values = from + k_.kv_offset;
    const There there = Kind::there(a_.width - from);
    UNROLLED for (int i = 0; i < LANES; ++i) {
      r[i] = Kind::steps_of(rows[i] + from, there);
      _mm_prefetch(rows[i] + values, _MM_HINT_T1);
    }
    transpose(r);
  }

  void pack_values(int c, uint32_t* at) {
    const Element* const* rows = find_values(c);
    const Element* const* next = next_keys(c);
    for (int t = 0; t < up(there_in(c), LANES); t += Kind::PER_STEP)
      for (int v = 0; v < vectors_; v += Kind::PAIRED) {
        Bits made[Kind::PAIRED];
        steps_of_values(rows + t, next + t, v, Kind::there(a_.width - v * LANES), made);
        for (int i = 0; i < Kind::PAIRED && v + i < vectors_; ++i, at += LANES) _mm512_storeu_si512(at, made[i]);
      }
  }

  // Registers v, v + 1 ... of a step of values; the keys of the next chunk are wanted next.
  static void steps_of_values(const Element* const* rows, const Element* const* next, int v, There there, Bits (&made)[Kind::PAIRED]) {
    Kind::value_steps(rows, v * LANES, there, made);
    UNROLLED for (int i = 0; i < Kind::PER_STEP; ++i) _mm_prefetch(next[i] + v * LANES, _MM_HINT_T1);
  }

  const Element* const* next_keys(int c) { return there_in(c + 1) ? find(c + 1) : find(c); }

  // Where a chunk's values stand. One that nobody may see is zeros: a NaN there must not reach others through a weight of 0.
  const Element* const* find_values(int c) {
    const Element* const* keys = find(c);
    const int there = there_in(c);
    for (int t = 0; t < up(there, LANES); ++t)
      values_[t] = t < there && (!a_.keep || a_.keep[c * CHUNK + t]) ? keys[t] + k_.kv_offset : zeros_;
    return values_;
  }

  // The products of M rows with keys and values where they stand: for so few rows, packing is not worth its stores.
  template <int M> void scores_direct(int c, int t0, int t1, int r0) {
    const Element* const* rows = find(c);
    const uint32_t* q = q_ + int64_t{r0} * q_row();
    for (int t = t0; t < t1; ++t) {
      Vec sum[M];
      UNROLLED for (int m = 0; m < M; ++m) sum[m] = _mm512_setzero_ps();
      for (int s = 0; s < steps_; s += LANES) {
        Bits r[LANES];
        square(rows + t * LANES, s, r);
        UNROLLED for (int i = 0; i < LANES; ++i)
          UNROLLED for (int m = 0; m < M; ++m)
            sum[m] = Kind::add_product(sum[m], _mm512_set1_epi32(static_cast<int>(q[m * q_row() + s + i])), r[i]);
      }
      UNROLLED for (int m = 0; m < M; ++m) _mm512_storeu_ps(scores_ + m * CHUNK + t * LANES, sum[m]);
    }
  }

  template <int M> void values_direct(int c, int t0, int t1, int r0, const float* fade) {
    constexpr int WIDE = 4;
    const Element* const* rows = find_values(c);
    const Element* const* next = next_keys(c);
    for (int v = 0; v < vectors_; v += WIDE) {
      float* out = out_ + (int64_t{r0} * vectors_ + v) * LANES;
      const int wide = std::min(WIDE, vectors_ - v);
      const uint32_t* weights = weights_;
      There there[WIDE / Kind::PAIRED];
      UNROLLED for (int i = 0; i < WIDE; i += Kind::PAIRED) there[i / Kind::PAIRED] = Kind::there(a_.width - (v + i) * LANES);
      Vec sum[M][WIDE];
      UNROLLED for (int m = 0; m < M; ++m)
        UNROLLED for (int i = 0; i < WIDE; ++i)
          sum[m][i] = _mm512_mul_ps(i < wide ? _mm512_loadu_ps(out + (m * vectors_ + i) * LANES) : _mm512_setzero_ps(), _mm512_set1_ps(fade[m]));
      for (int t = t0 * LANES; t < t1 * LANES; t += Kind::PER_STEP) {
        Bits right[WIDE / Kind::PAIRED][Kind::PAIRED];
        UNROLLED for (int i = 0; i < WIDE; i += Kind::PAIRED)
          steps_of_values(rows + t, next + t, v + i, there[i / Kind::PAIRED], right[i / Kind::PAIRED]);
        UNROLLED for (int m = 0; m < M; ++m) {
          const Bits left = _mm512_set1_epi32(static_cast<int>(weights[(m * CHUNK + t) / Kind::PER_STEP]));
          UNROLLED for (int i = 0; i < WIDE; ++i) sum[m][i] = Kind::add_product(sum[m][i], left, right[i / Kind::PAIRED][i % Kind::PAIRED]);
        }
      }
      UNROLLED for (int m = 0; m < M; ++m)
        UNROLLED for (int i = 0; i < WIDE; ++i)
          if (i < wide) _mm512_storeu_ps(out + (m * vectors_ + i) * LANES, sum[m][i]);
    }
  }

  // Calls what(m) with the number of rows as a constant.
  template <class What> static void with_count(int rows, What what) {
    switch (rows) {
      case 1: return what(std::integral_constant<int, 1>());
      case 2: return what(std::integral_constant<int, 2>());
      case 3: return what(std::integral_constant<int, 3>());
      case 4: return what(std::integral_constant<int, 4>());
      case 5: return what(std::integral_constant<int, 5>());
      default: return what(std::integral_constant<int, ROWS>());
    }
  }

  int64_t q_row() const { return up(steps_, LANES); }

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
    add_values(start / CHUNK, keys + key_chunk_, t0, t1, r0, r1 - r0, fade);
  }

  void score(int c, const uint32_t* keys, int t0, int t1, int r0, int rows) {
    if (direct_) return with_count(rows, [&](auto m) { scores_direct<m()>(c, t0, t1, r0); });
    const Product* product = products<Kind>[rows - 1];
    const int wide = widest(rows);
    for (int t = t0; t < t1; t += wide)
      product[std::min(wide, t1 - t) - 1](q_ + r0 * q_row(), q_row(), keys + t * q_row() * LANES, LANES, q_row() * LANES, steps_,
                                          scores_ + t * LANES, CHUNK, nullptr);
  }

  void add_values(int c, const uint32_t* values, int t0, int t1, int r0, int rows, const float* fade) {
    if (direct_) return with_count(rows, [&](auto m) { values_direct<m()>(c, t0, t1, r0, fade); });
    const Product* product = products<Kind>[rows - 1];
    const int64_t step = int64_t{vectors_} * LANES, s0 = t0 * LANES / Kind::PER_STEP, s1 = t1 * LANES / Kind::PER_STEP;
    const int wide = widest(rows), parts = (vectors_ + wide - 1) / wide;
    for (int p = 0; p < parts; ++p) {
      const int v0 = vectors_ * p / parts, v1 = vectors_ * (p + 1) / parts;
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
        __mmask16 lanes = first_lanes(s.last - at) & ~first_lanes(s.first - at);
        if (a_.keep) lanes &= kept(a_.keep + at, a_.slots - at);
        if (!raw) x = scaled(x, scale, lanes, at, first_row + r);
        x = _mm512_mask_mov_ps(_mm512_set1_ps(HIDDEN), lanes, x);
        _mm512_storeu_ps(scores + t * LANES, x);
      }
      most = _mm512_max_ps(most, x);
    }
    const float factor = raw ? scale : 1.0f, before = most_[r], now = std::max(before, _mm512_reduce_max_ps(most) * factor);
    const float base = now == HIDDEN ? 0.0f : now;            // where nothing was seen yet
    most_[r] = now;
    return weigh(t0, t1, r, r0, factor, base, before - base);
  }

  Vec scaled(Vec x, float scale, __mmask16 lanes, int at, int64_t row) const {
    const Vec y = _mm512_mul_ps(x, _mm512_set1_ps(scale));
    if (!a_.bias) return y;
    const float* bias = a_.bias + row / a_.heads * a_.bias_q_stride + row % a_.heads * a_.bias_head_stride + at;
    return _mm512_fmadd_ps(_mm512_maskz_loadu_ps(lanes, bias), _mm512_set1_ps(LOG2E), y);
  }

  float weigh(int t0, int t1, int r, int r0, float factor, float base, float fallen) {
    const float* scores = scores_ + (r - r0) * CHUNK;
    uint32_t* weights = weights_ + (r - r0) * (CHUNK / Kind::PER_STEP);
    const Vec by = _mm512_set1_ps(factor), less = _mm512_set1_ps(base);
    const Vec fade = exp2_of(_mm512_set1_ps(fallen));
    Vec sum = _mm512_mul_ps(_mm512_loadu_ps(sums_ + r * LANES), fade);
    for (int t = t0; t < t1; ++t) {
      const Vec p = exp2_of(_mm512_fmsub_ps(_mm512_loadu_ps(scores + t * LANES), by, less));
      sum = _mm512_add_ps(sum, p);
      Kind::put_weights(weights + t * LANES / Kind::PER_STEP, p);
    }
    _mm512_storeu_ps(sums_ + r * LANES, sum);
    return _mm512_cvtss_f32(fade);
  }

  const Asked& a_;
  const Keys& k_;
  const Part part_;
  const Element* base_;
  const int steps_, vectors_;                    // of a key along its width; of a value
  const int64_t key_chunk_, value_chunk_;        // words
  int slots_ = 0, begin_ = 0, packed_from_ = 0, packed_to_ = 0;
  bool single_ = false, direct_ = false;
  uint32_t *packed_, *q_, *weights_;
  float *out_, *sums_, *scores_;
  float most_[BLOCK];
  Seen sight_[BLOCK];
  const Element* stands_[2][CHUNK];
  const Element* values_[CHUNK];
  const Element* zeros_;
  int found_[2] = {-1, -1};
};

void answer(const Asked& asked, const Keys& keys, Scratch& scratch, Part part) {
  if (part.first >= part.last) return;
  if (keys.bf16) Work<Half>(asked, keys, scratch, part).all();
  else Work<Single>(asked, keys, scratch, part).all();
}

constexpr int64_t EACH = 32;                     // what a row costs besides the slots that it sees, in slots

// The sum of v, held between 0 and `top`, over all v < n.
int64_t sum_below(int64_t n, int64_t top) {
  if (n <= 0) return 0;
  return n <= top + 1 ? n * (n - 1) / 2 : top * (top + 1) / 2 + (n - top - 1) * top;
}

// What the first `row` rows of an item cost: the slots that they see. It only has to be the same for all threads, and to grow with `row`.
int64_t cost_before(const Asked& a, int64_t row) {
  const int64_t queries = row / a.heads;
  const auto all = [&](int64_t offset) { return sum_below(a.past + offset + queries, a.slots) - sum_below(a.past + offset, a.slots); };
  int64_t pairs = a.causal ? all(1) : a.window > 0 ? all(a.window) : queries * a.slots;
  if (a.window > 0) pairs -= all(1 - a.window);
  const Seen s = seen(a, static_cast<int>(queries));
  return (pairs + EACH * queries) * a.heads + row % a.heads * (s.last - s.first + EACH);
}

int64_t rows_of(const Asked& a) { return static_cast<int64_t>(a.queries) * a.heads; }

// The first row of an item that costs begin at or after `cost`.
int64_t row_at(const Asked& a, int64_t cost) {
  int64_t low = 0, high = rows_of(a);
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (cost_before(a, middle) < cost) low = middle + 1;
    else high = middle;
  }
  return low;
}

}  // namespace

void attend(const Asked& asked, const Keys& keys, Scratch& scratch) { answer(asked, keys, scratch, {0, rows_of(asked)}); }

void attend_part(const Asked* asked, const Keys* keys, int64_t count, int index, int threads, Scratch& scratch) {
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) total += cost_before(asked[i], rows_of(asked[i]));
  const int64_t from = total * index / threads, to = total * (index + 1) / threads;
  int64_t before = 0;
  for (int64_t i = 0; i < count && before < to; ++i) {
    const int64_t cost = cost_before(asked[i], rows_of(asked[i]));
    if (before + cost > from) answer(asked[i], keys[i], scratch, {row_at(asked[i], from - before), row_at(asked[i], to - before)});
    before += cost;
  }
}

namespace {

// All of a batch, for Python: sizes in items, strides in elements. q, out (b h n d), keys and values (b g n d), keep (b n), bias (b h q k).
struct Batch {
  const void* q;
  void* out;
  const void *k, *v;
  const uint8_t* keep;
  const float* bias;
  int64_t q_strides[3], out_strides[3], k_strides[3], v_strides[3], bias_strides[3], keep_stride;
  int64_t rows, heads, groups, queries, slots, width, past, window;
  const int64_t* pages;                          // (b pages), or null: a page holds all
  int64_t page, page_stride, half, causal;
  float scale;
};

void lay_out(const Batch& b, std::vector<Asked>& asked, std::vector<Keys>& keys, const std::vector<int64_t>& zeros) {
  const int64_t size = b.half ? 2 : 4, share = b.heads / b.groups;
  const auto at = [size](const void* p, int64_t elements) { return static_cast<const char*>(p) + elements * size; };
  for (int64_t r = 0; r < b.rows; ++r) {
    const uint8_t* keep = b.keep ? b.keep + r * b.keep_stride : nullptr;
    int64_t slots = b.slots;                     // less the padding at the end: threads share what is really there
    while (keep && slots > 0 && !keep[slots - 1]) --slots;
    for (int64_t g = 0; g < b.groups; ++g) {
      const int64_t h = g * share;
      Asked a{};
      a.q = reinterpret_cast<const float*>(at(b.q, r * b.q_strides[0] + h * b.q_strides[1]));
      a.out = reinterpret_cast<float*>(const_cast<char*>(at(b.out, r * b.out_strides[0] + h * b.out_strides[1])));
      a.q_head_stride = b.q_strides[1], a.q_stride = b.q_strides[2];
      a.out_head_stride = b.out_strides[1], a.out_stride = b.out_strides[2];
      a.bias = b.bias ? b.bias + r * b.bias_strides[0] + h * b.bias_strides[1] : nullptr;
      a.bias_head_stride = b.bias_strides[1], a.bias_q_stride = b.bias_strides[2];
      a.keep = keep;
      a.queries = static_cast<int>(b.queries), a.past = static_cast<int>(b.past), a.slots = static_cast<int>(slots);
      a.width = static_cast<int>(b.width), a.heads = static_cast<int>(share), a.window = static_cast<int>(b.window);
      a.causal = b.causal != 0, a.half = b.half != 0, a.scale = b.scale;
      asked.push_back(a);
      const char* k = static_cast<const char*>(at(b.k, r * b.k_strides[0] + g * b.k_strides[1]));
      const char* v = static_cast<const char*>(at(b.v, r * b.v_strides[0] + g * b.v_strides[1]));
      keys.push_back({k, b.half != 0, b.pages ? b.pages + r * b.page_stride : zeros.data(), b.pages ? b.page : std::max<int64_t>(b.slots, 1),
                      (v - k) / size, b.k_strides[2]});
    }
  }
}

}  // namespace

LIMELIGHT_API void limelight_attend(const Batch* batch, int threads) {
  std::vector<Asked> asked;
  std::vector<Keys> keys;
  const std::vector<int64_t> zeros(1, 0);
  lay_out(*batch, asked, keys, zeros);
  Pool& pool = Pool::shared();
  pool.run(threads, [&](int index) {
    thread_local Scratch scratch;
    attend_part(asked.data(), keys.data(), static_cast<int64_t>(asked.size()), index, pool.count(), scratch);
  });
}

// For tests: 2^x, element by element.
LIMELIGHT_API void limelight_exp2(const float* x, float* out, int64_t n) {
  for (int64_t i = 0; i < n; i += LANES) {
    const __mmask16 lanes = first_lanes(static_cast<int>(std::min<int64_t>(n - i, LANES)));
    _mm512_mask_storeu_ps(out + i, lanes, exp2_of(_mm512_maskz_loadu_ps(lanes, x + i)));
  }
}

}  // namespace limelight
