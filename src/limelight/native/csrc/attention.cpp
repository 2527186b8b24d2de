// Which rows of a call each thread answers.
#include "attention.h"

#include <algorithm>
#include <atomic>

#include "attention_walk.h"
#include "pool.h"

namespace limelight {
namespace {

std::atomic<int> said{-1};

// Whether one vdpbf16ps takes less time than two vfmadd231ps. On Intel's cores it takes that of four.
bool pairs_pay() {
#ifdef __AVX512BF16__
  return !__builtin_cpu_is("intel");
#else
  return false;
#endif
}

void answer(const Asked& asked, const Keys& keys, Scratch& scratch, Part part) {
  if (part.first >= part.last) return;
  if (!keys.bf16) Walk<Single>(asked, keys, scratch, part).all();
  else if (in_pairs()) Walk<Half>(asked, keys, scratch, part).all();
  else Walk<Wide>(asked, keys, scratch, part).all();
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

bool in_pairs() { return said < 0 ? pairs_pay() : said != 0; }

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

LIMELIGHT_API void limelight_pairs(int how) { said = how; }

}  // namespace limelight
