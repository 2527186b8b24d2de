// The keys and values of one item by chunks: where they stand, and packed for many rows.
#pragma once
#include <algorithm>

#include "attention.h"
#include "attention_kinds.h"

namespace limelight {

constexpr int CHUNK = 128, TILES = CHUNK / LANES;

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

template <class Kind> class Chunks {
 public:
  using Element = typename Kind::Element;
  using There = typename Kind::There;
  static constexpr int SQUARE = LANES * Kind::PER_WORD;

  Chunks(const Asked& asked, const Keys& keys)
      : a_(asked), k_(keys), base_(static_cast<const Element*>(keys.base)), steps_(up(asked.width, Kind::PER_STEP) / Kind::PER_STEP),
        vectors_(up(asked.width, LANES * Kind::PAIRED / Kind::PER_STEP) / LANES), last_(asked.slots) {
    if (!a_.keep) return;
    while (last_ > 0 && !a_.keep[last_ - 1]) --last_;
    while (first_ < last_ && !a_.keep[first_]) ++first_;
  }

  int first() const { return first_; }           // slots that nobody keeps at either end are not there
  int last() const { return last_; }
  int steps() const { return steps_; }           // of a key along its width
  int64_t key_row() const { return up(steps_, SQUARE); }
  int vectors() const { return vectors_; }       // of a value
  int64_t key_words() const { return CHUNK * key_row(); }
  int64_t value_words() const { return int64_t{CHUNK} / Kind::PER_STEP * vectors_ * LANES; }

  // Room for as many packed chunks as are to stay, or for one, and for one value of zeros.
  int64_t words(bool stay) const { return (stay ? up(last_, CHUNK) / CHUNK : 1) * (key_words() + value_words()) + vectors_ * LANES; }
  uint32_t* house(uint32_t* at, bool stay) {
    stay_ = stay, packed_ = at, at += words(stay);
    std::fill_n(at - vectors_ * LANES, vectors_ * LANES, 0);
    zeros_ = reinterpret_cast<const Element*>(at - vectors_ * LANES);
    return at;
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

  const Element* const* next_keys(int c) { return there_in(c + 1) ? find(c + 1) : find(c); }

  // Where a chunk's values stand. One that nobody may see is zeros: a NaN there must not reach others through a weight of 0.
  const Element* const* find_values(int c) {
    const Element* const* keys = find(c);
    const int there = there_in(c);
    for (int t = 0; t < up(there, LANES); ++t)
      values_[t] = t < there && (!a_.keep || a_.keep[c * CHUNK + t]) ? keys[t] + k_.kv_offset : zeros_;
    return values_;
  }

  // SQUARE steps, from s on, of 16 keys, in words: lane = key. Here memory is met: the values of these keys are wanted next.
  void square(const Element* const* rows, int s, Bits (&r)[LANES]) const {
    const int from = s * Kind::PER_STEP;
    const int64_t values = from + k_.kv_offset;
    const There there = Kind::there(a_.width - from);
    UNROLLED for (int i = 0; i < LANES; ++i) {
      r[i] = Kind::words_of(rows[i] + from, there);
      _mm_prefetch(rows[i] + values, _MM_HINT_T1);
    }
    transpose(r);
  }

  // Registers v, v + 1 ... of a step of values; the keys of the next chunk are wanted next.
  static void steps_of_values(const Element* const* rows, const Element* const* next, int v, There there, Bits (&made)[Kind::PAIRED]) {
    Kind::value_steps(rows, v * LANES, there, made);
    UNROLLED for (int i = 0; i < Kind::PER_STEP; ++i) _mm_prefetch(next[i] + v * LANES, _MM_HINT_T1);
  }

  // The packed keys of chunk c, its values after them. Rows come with growing slots, so a chunk that has been packed for one is there for all.
  const uint32_t* packed(int c) {
    uint32_t* at = packed_ + (stay_ ? c : 0) * (key_words() + value_words());
    if (c < packed_to_ && c >= packed_from_) return at;
    if (!stay_ || packed_to_ == packed_from_) packed_from_ = c;
    packed_to_ = c + 1;
    pack_keys(c, at);
    pack_values(c, at + key_words());
    return at;
  }

 private:
  int there_in(int c) const { return std::clamp(last_ - c * CHUNK, 0, CHUNK); }

  void pack_keys(int c, uint32_t* at) {
    const Element* const* rows = find(c);
    for (int t = 0; t < there_in(c); t += LANES)
      for (int s = 0; s < steps_; s += SQUARE) {
        Bits r[LANES];
        square(rows + t, s, r);
        UNROLLED for (int i = 0; i < LANES; ++i)
          UNROLLED for (int j = 0; j < Kind::PER_WORD; ++j, at += LANES) _mm512_storeu_si512(at, Kind::step_of(r[i], j));
      }
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

  const Asked& a_;
  const Keys& k_;
  const Element* base_;
  const int steps_, vectors_;
  int first_ = 0, last_, packed_from_ = 0, packed_to_ = 0;
  bool stay_ = false;
  uint32_t* packed_ = nullptr;
  const Element* stands_[2][CHUNK];
  const Element* values_[CHUNK];
  const Element* zeros_ = nullptr;
  int found_[2] = {-1, -1};
};

}  // namespace limelight
