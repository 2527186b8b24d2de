// Threads that meet at barriers within a call: those of torch, where it has told us of them, else our own, started once.
//
// Each kind spins for a while after its work. Two kinds on the same cores would take them from each other, for milliseconds a call.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>

namespace limelight {

#define LIMELIGHT_API extern "C" __attribute__((visibility("default")))

struct Range { int64_t first, last; };

// The share of `index` of `count` when `items` are dealt out in whole pieces of `piece`.
inline Range share(int64_t items, int index, int count, int64_t piece = 1) {
  const int64_t pieces = (items + piece - 1) / piece;
  const int64_t first = pieces * index / count * piece, last = pieces * (index + 1) / count * piece;
  return {first < items ? first : items, last < items ? last : items};
}

// An OpenMP runtime that is loaded already; none where `parallel` is null.
struct Team {
  void (*parallel)(void (*work)(void*), void* data, unsigned threads, unsigned flags) = nullptr;
  int (*number)() = nullptr, (*size)() = nullptr;          // inside: which thread this is, of how many
};

class Pool {
 public:
  static Pool& shared();
  void join(const Team& team) { team_ = team; }            // work with these from now on

  // work(index) on `threads` threads, the caller being the first; returns when all are done. Calls from several threads wait for one another.
  template <class Work> void run(int threads, Work&& work) {
    start(threads, [](void* it, int index) { (*static_cast<Work*>(it))(index); }, &work);
  }

  int count() const { return count_.load(std::memory_order_relaxed); }               // of the present call
  void barrier();                                          // all threads of the present call meet here
  int64_t take() { return taken_.fetch_add(1, std::memory_order_relaxed); }   // 0, 1, 2 ... since the last barrier, each to one thread
  Range mine(int64_t items, int index, int64_t piece = 1) const { return share(items, index, count(), piece); }

 private:
  using Job = void (*)(void*, int);
  void start(int threads, Job job, void* work);
  void together(int threads);                              // the call by the team
  void serve(int index);                                   // what a worker does for ever
  int workers(int wanted);

  static constexpr int kCountBits = 8, kMost = (1 << kCountBits) - 1;

  std::mutex calls_;
  Job job_ = nullptr;
  void* work_ = nullptr;
  Team team_;
  std::atomic<int> count_{1};
  int workers_ = 0;
  uint32_t number_ = 0;
  alignas(64) std::atomic<uint32_t> call_{0};              // the call's number and how many threads it has; workers sleep on it
  std::atomic<int> asleep_{0};
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};             // counts barriers
  alignas(64) std::atomic<int64_t> taken_{0};
};

}  // namespace limelight
