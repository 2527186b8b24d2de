// Summaries of a whole map straight from its queries and keys: of the map, no more than a few rows of each thread ever stands in memory.
#include "attention_chunks.h"
#include "attention_products.h"
#include "summary_rows.h"

namespace limelight {
namespace {

constexpr int kRows = 2 * ROWS;                            // of a thread at a time: with 8,192 keys they stay in its cache

// Of one text and head. Query i is token `past + i` of the keys' own sequence where `causal` or `distance` mean anything.
struct Map {
  const float *q, *k;              // rows of `width` numbers
  int64_t q_stride, k_stride, queries, keys, width, past, best;
  int32_t* at;                     // as in Strip, from here on
  float *got, *entropy, *distance, *first, *mass;
  float* room;                     // as many numbers as limelight_summary_room says
  float scale;
  int32_t causal, threads;
};

int64_t whole(int64_t keys) { return (keys + LANES - 1) / LANES * LANES; }

struct Room {
  float *packed, *mine;
  float *asks, *weights, *mass;    // of one thread

  static int64_t each(int64_t keys, int64_t width) { return whole(kRows * width) + (kRows + 1) * whole(keys); }
  Room(const Map& a, int index) : packed(a.room), mine(a.room + whole(a.keys) * a.width + index * each(a.keys, a.width)) {
    asks = mine, weights = asks + whole(kRows * a.width), mass = weights + kRows * whole(a.keys);
  }
};

// Sixteen keys beside each other: lane = key, one register a channel.
void pack(const Map& a, int64_t tile, float* to) {
  for (int64_t s = 0; s < a.width; s += LANES) {
    Bits r[LANES];
    UNROLLED for (int i = 0; i < LANES; ++i) {
      const int64_t key = tile * LANES + i;
      r[i] = key < a.keys ? _mm512_maskz_loadu_epi32(lanes(a.width - s), a.k + key * a.k_stride + s) : _mm512_setzero_si512();
    }
    transpose(r);
    for (int64_t i = 0; i < LANES && s + i < a.width; ++i) _mm512_storeu_si512(to + (s + i) * LANES, r[i]);
  }
}

void soften(float* w, int64_t seen, int64_t keys) {        // the softmax of what is seen, and zeros up to `keys`
  __m512 most = _mm512_set1_ps(-__builtin_inff()), sum = _mm512_setzero_ps();
  for (int64_t k = 0; k < seen; k += LANES) most = _mm512_mask_max_ps(most, lanes(seen - k), most, _mm512_loadu_ps(w + k));
  const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(most));
  for (int64_t k = 0; k < keys; k += LANES) {
    const __m512 power = _mm512_maskz_mov_ps(lanes(seen - k), exp16(_mm512_sub_ps(_mm512_loadu_ps(w + k), top)));
    sum = _mm512_add_ps(sum, power);
    _mm512_storeu_ps(w + k, power);
  }
  const __m512 share = _mm512_set1_ps(1.f / _mm512_reduce_add_ps(sum));
  for (int64_t k = 0; k < seen; k += LANES) _mm512_storeu_ps(w + k, _mm512_mul_ps(_mm512_loadu_ps(w + k), share));
}

void rows_from(const Map& a, const Room& room, int64_t start) {
  const int64_t rows = std::min<int64_t>(kRows, a.queries - start), wide = whole(a.keys);
  const int64_t last = a.causal ? std::min(a.keys, a.past + start + rows) : a.keys, keys = std::min(a.keys, std::max(last, a.best));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t s = 0; s < a.width; ++s) room.asks[i * a.width + s] = a.q[(start + i) * a.q_stride + s] * a.scale;
  for (int64_t tile = 0; tile * LANES < last; tile += 4) {
    const int vectors = static_cast<int>(std::min<int64_t>(4, whole(last) / LANES - tile));
    const uint32_t* right = reinterpret_cast<const uint32_t*>(room.packed + tile * LANES * a.width);
    for (int64_t i = 0; i < rows; i += ROWS) {
      const uint32_t* left = reinterpret_cast<const uint32_t*>(room.asks + i * a.width);
      products<Single>[std::min<int64_t>(ROWS, rows - i) - 1][vectors - 1](left, a.width, right, LANES, LANES * a.width, a.width,
                                                                          room.weights + i * wide + tile * LANES, wide, nullptr);
    }
  }
  for (int64_t i = 0; i < rows; ++i) soften(room.weights + i * wide, a.causal ? std::min(a.keys, a.past + start + i + 1) : a.keys, keys);
  const Strip strip{room.weights, rows, keys, wide, a.past + start, a.best, a.at + start * a.best, a.got + start * a.best,
                    a.entropy + start, a.distance + start, a.first + start, room.mass, 1};
  for (int64_t i = 0; i < rows; ++i) row(strip, i);
  columns(strip, {0, keys});
}

}  // namespace

LIMELIGHT_API int64_t limelight_summary_room(int64_t keys, int64_t width, int threads) {
  return whole(keys) * width + threads * Room::each(keys, width);
}

LIMELIGHT_API void limelight_summary_map(const Map* map) {
  const Map& a = *map;
  Pool& pool = Pool::shared();
  pool.run(a.threads, [&](int index) {
    const Room room(a, index);
    std::fill_n(room.mass, whole(a.keys), 0.f);
    const Range tiles = pool.mine(whole(a.keys) / LANES, index);
    for (int64_t tile = tiles.first; tile < tiles.last; ++tile) pack(a, tile, room.packed + tile * LANES * a.width);
    pool.barrier();
    for (int64_t start = index * kRows; start < a.queries; start += pool.count() * kRows) rows_from(a, room, start);      // later rows see more
    pool.barrier();
    const Range mine = pool.mine(a.keys, index, LANES);
    for (int thread = 0; thread < pool.count(); ++thread) {
      const float* part = Room(a, thread).mass;
      for (int64_t k = mine.first; k < mine.last; ++k) a.mass[k] += part[k];
    }
  });
}

}  // namespace limelight
