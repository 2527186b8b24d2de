// A column of layers in one call: every block of a Transformer and the norm after them, over any mix of sequences.
//
// The tokens of all sequences lie behind one another, without padding, as rows of x. Each thread runs the whole column and takes its share of every
// part; parts that read what another thread wrote stand behind a barrier.
#include "stack.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "bfloat.h"
#include "stack_items.h"
#include "stack_room.h"

namespace limelight {
namespace {

void turn(float* x, int64_t width, const float* cos, const float* sin, bool pairs) {
  const int64_t half = width / 2, step = pairs ? 1 : half, stride = pairs ? 2 : 1;
  for (int64_t i = 0; i < half; ++i) {
    float &a = x[i * stride], &b = x[i * stride + step];
    const float was = a;
    a = was * cos[i] - b * sin[i];
    b = b * cos[i] + was * sin[i];
  }
}

class Run {
 public:
  Run(const Column& column, const Call& call, Scratch& scratch, std::vector<Scratch>& scratches, Pool& pool)
      : c_(column), a_(call), room_(column, call, scratch), items_(column, call, room_), scratches_(scratches), pool_(pool) {}

  void operator()(int index) {
    for (int64_t layer = 0; layer < c_.depth; ++layer) {
      const Block& block = c_.blocks[layer];
      near(block.self, block.self_norm, layer, index);
      if (block.cross.in) far(block.cross, block.cross_norm, layer, index);
      feed(block, index);
    }
    each_row(index, [&](int64_t row) { c_.last(at(row), c_.dim, at(row)); });
  }

  size_t bytes() const { return room_.bytes; }

 private:
  float* at(int64_t row) const { return a_.x + row * c_.dim; }

  template <class Work> void each_row(int index, Work&& work) {
    const Range mine = pool_.mine(a_.tokens, index);
    for (int64_t row = mine.first; row < mine.last; ++row) work(row);
  }

  // work(first row, how many): some rows after others.
  template <class Work> void by_chunks(Work&& work) {
    for (int64_t row = 0; row < a_.tokens; row += kTogether) work(row, std::min(kTogether, a_.tokens - row));
  }

  // Rows of x as a branch reads them, in the words of its matrix; where norms come first, every thread norms the rows that it converts.
  void take_in(const Matrix& m, const Norm& norm, int64_t row, int64_t rows, int index) {
    if (c_.pre) {
      const Range mine = pool_.mine(rows, index);
      for (int64_t i = mine.first; i < mine.last; ++i) norm(at(row + i), c_.dim, room_.normed + i * c_.dim);
    }
    convert(m, {c_.pre ? room_.normed : at(row), c_.dim}, rows, room_.words, index, pool_);
    pool_.barrier();
  }

  // Where norms come last: of all rows that a branch was added to. With several chunks others will convert them.
  void leave(const Norm& norm, int index) {
    if (c_.pre) return;
    each_row(index, [&](int64_t row) { norm(at(row), c_.dim, at(row)); });
    if (a_.tokens > kTogether) pool_.barrier();
  }

  // x += out(attention of in(x)).
  void near(const Heads& h, const Norm& norm, int64_t layer, int index) {
    ask(h, norm, index, [&](int64_t row, float* all) { settle(h, layer, row, all); });
    if (index == 0) items_.near(h, layer);
    pool_.barrier();
    attend_part(room_.items, room_.keys, items_.near_count(h), index, pool_.count(), scratches_[index]);
    tell(h, norm, index);
  }

  void far(const Heads& h, const Norm& norm, int64_t layer, int index) {
    ask(h, norm, index, [&](int64_t row, float* q) {
      query(h, row, q, false);
      note(a_.cross_asked, layer, row, q, h.heads * h.width, a_.far.half);
    });
    if (index == 0) items_.far(h, layer);
    pool_.barrier();
    attend_part(room_.items, room_.keys, items_.far_count(h), index, pool_.count(), scratches_[index]);
    tell(h, norm, index);
  }

  // Queries, and keys and values beside them: each(row, all of it) finishes a row, and its query stays.
  template <class Each> void ask(const Heads& h, const Norm& norm, int index, Each&& each) {
    const int64_t stride = h.in->outputs, wide = h.heads * h.width;
    by_chunks([&](int64_t row, int64_t rows) {
      take_in(*h.in, norm, row, rows, index);
      multiply(*h.in, rows, room_.words, {room_.made, stride}, {}, pool_);
      pool_.barrier();
      const Range mine = pool_.mine(rows, index);
      for (int64_t i = mine.first; i < mine.last; ++i) {
        each(row + i, room_.made + i * stride);
        std::memcpy(room_.asked + (row + i) * wide, room_.made + i * stride, wide * sizeof(float));
      }
    });
  }

  void tell(const Heads& h, const Norm& norm, int index) {
    const int64_t wide = h.heads * h.width;
    pool_.barrier();
    by_chunks([&](int64_t row, int64_t rows) {
      Epilogue onto;
      onto.residual = at(row), onto.residual_stride = c_.dim;
      product(*h.out, {room_.asked + row * wide, wide}, rows, room_.words, {at(row), c_.dim}, onto, index, pool_);
    });
    leave(norm, index);
  }

  void query(const Heads& h, int64_t row, float* q, bool turned) {
    const int64_t half = h.width / 2;
    for (int64_t head = 0; head < h.heads; ++head, q += h.width) {
      h.query(q, h.width, q);
      if (turned && a_.turns.cos) turn(q, h.width, a_.turns.cos + row * half, a_.turns.sin + row * half, a_.turns.pairs);
    }
  }

  // One row of queries, keys and values: normed, turned, keys and values put where they are kept.
  void settle(const Heads& h, int64_t layer, int64_t row, float* all) {
    query(h, row, all, true);
    const int64_t wide = h.heads * h.width, half = h.width / 2;
    note(a_.self_asked, layer, row, all, wide, a_.store.half);
    const int64_t s = std::upper_bound(a_.first, a_.first + a_.sequences, row) - a_.first - 1, slot = a_.past[s] + row - a_.first[s];
    const Store& store = a_.store;
    int64_t to = store.pages[s * store.pages_each + slot / store.page] + layer * store.layer + slot % store.page * h.width;
    float *k = all + wide, *v = k + h.groups * h.width;
    for (int64_t group = 0; group < h.groups; ++group, k += h.width, v += h.width, to += store.group) {
      h.key(k, h.width, k);
      if (a_.turns.cos) turn(k, h.width, a_.turns.cos + row * half, a_.turns.sin + row * half, a_.turns.pairs);
      put(k, h.width, to);
      put(v, h.width, to + store.values);
    }
  }

  void note(float* const* places, int64_t layer, int64_t row, const float* asked, int64_t wide, bool half) {
    if (!places || !places[layer]) return;
    float* to = places[layer] + row * wide;
    if (half && in_pairs()) rounded_row(asked, wide, to);            // as they meet keys of that kind
    else std::memcpy(to, asked, wide * sizeof(float));
  }

  void put(const float* from, int64_t width, int64_t to) {
    if (a_.store.half) narrow_row(from, width, static_cast<uint16_t*>(a_.store.base) + to);
    else std::memcpy(static_cast<float*>(a_.store.base) + to, from, width * sizeof(float));
  }

  // x += down(act(up x)), or down(act(gate x) * up x).
  void feed(const Block& b, int index) {
    by_chunks([&](int64_t row, int64_t rows) {
      const int64_t wide = b.up->outputs;
      Epilogue bent, gated, onto;
      take_in(*b.up, b.ff_norm, row, rows, index);
      (b.gate ? gated : bent).act = b.act;
      multiply(*b.up, rows, room_.words, {b.gate ? room_.gate : room_.inner, wide}, bent, pool_);
      if (b.gate) {
        pool_.barrier();
        gated.gate = room_.gate, gated.gate_stride = wide;
        multiply(*b.gate, rows, room_.words, {room_.inner, wide}, gated, pool_);
      }
      onto.residual = at(row), onto.residual_stride = c_.dim;
      pool_.barrier();
      product(*b.down, {room_.inner, wide}, rows, room_.words, {at(row), c_.dim}, onto, index, pool_);
    });
    leave(b.ff_norm, index);
  }

  const Column& c_;
  const Call& a_;
  const Room room_;
  const Items items_;
  std::vector<Scratch>& scratches_;                        // of each thread
  Pool& pool_;
};

constexpr size_t kKept = size_t{64} << 20;                 // bytes of room that stay between calls

}  // namespace
}  // namespace limelight

// Run a column; 0, or 1 where there is no memory for it.
LIMELIGHT_API int limelight_stack(const limelight::Column* column, const limelight::Call* call) {
  using namespace limelight;
  static std::mutex one;
  static std::unique_ptr<Scratch> room;
  static std::vector<Scratch> scratches;
  try {
    std::lock_guard<std::mutex> alone(one);
    if (!room) room = std::make_unique<Scratch>();
    if (scratches.size() < static_cast<size_t>(call->threads)) std::vector<Scratch>(call->threads).swap(scratches);
    Pool& pool = Pool::shared();
    Run run(*column, *call, *room, scratches, pool);
    pool.run(call->threads, [&](int index) { run(index); });
    if (run.bytes() > kKept) room.reset();
  } catch (const std::bad_alloc&) {
    return 1;
  }
  return 0;
}
