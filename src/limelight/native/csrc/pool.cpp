#include "pool.h"

#include <dlfcn.h>
#include <immintrin.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <system_error>
#include <thread>

namespace limelight {
namespace {

constexpr int kSpins = 400;          // about 10 us of pauses: most waits inside a call are shorter
constexpr int kYields = 200;         // then others may have the core; after that many, between calls, a worker sleeps

Pool* current = nullptr;

void sleep_on(std::atomic<uint32_t>& word, uint32_t seen) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

void wake_all(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

// Waits until the word differs from what was seen; false when patience ran out first.
bool watch(const std::atomic<uint32_t>& word, uint32_t seen, int yields) {
  for (int i = 0; i < kSpins; ++i) {
    if (word.load(std::memory_order_acquire) != seen) return true;
    _mm_pause();
  }
  for (int i = 0; yields < 0 || i < yields; ++i) {
    if (word.load(std::memory_order_acquire) != seen) return true;
    sched_yield();
  }
  return false;
}

}  // namespace

Pool& Pool::shared() {
  static const bool made = [] {
    current = new Pool;                                              // never deleted: workers may outlive static objects
    pthread_atfork(nullptr, nullptr, [] { current = new Pool; });    // a child has no workers, no team, and perhaps a held lock
    return true;
  }();
  (void)made;
  return *current;
}

// A machine that gives no more threads leaves the call with those that there are.
int Pool::workers(int wanted) {
  try {
    for (; workers_ < wanted; ++workers_) std::thread([this, index = workers_ + 1] { serve(index); }).detach();
  } catch (const std::system_error&) {
  }
  return wanted < workers_ ? wanted : workers_;
}

void Pool::together(int threads) {
  team_.parallel([](void* it) {
    Pool& pool = *static_cast<Pool*>(it);
    pool.count_.store(pool.team_.size(), std::memory_order_relaxed);           // the same by all; a limit may have made it smaller
    pool.job_(pool.work_, pool.team_.number());
    pool.barrier();
  }, this, static_cast<unsigned>(threads), 0);
}

void Pool::start(int threads, Job job, void* work) {
  const std::lock_guard<std::mutex> one(calls_);
  threads = threads < 1 ? 1 : threads > kMost ? kMost : threads;
  job_ = job, work_ = work;
  taken_.store(0, std::memory_order_relaxed);
  if (threads > 1 && team_.parallel) return together(threads);
  const int count = 1 + workers(threads - 1);
  count_.store(count, std::memory_order_relaxed);
  if (count > 1) {
    number_ += 1;
    call_.store(number_ << kCountBits | count, std::memory_order_seq_cst);
    if (asleep_.load(std::memory_order_seq_cst)) wake_all(call_);
  }
  job(work, 0);
  barrier();
}

void Pool::barrier() {
  const int count = this->count();     // read before this thread is counted: after that the call may be over
  if (count == 1) {
    taken_.store(0, std::memory_order_relaxed);
    return;
  }
  const uint32_t seen = phase_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
    arrived_.store(0, std::memory_order_relaxed);
    taken_.store(0, std::memory_order_relaxed);
    phase_.store(seen + 1, std::memory_order_release);
  } else {
    watch(phase_, seen, -1);
  }
}

void Pool::serve(int index) {
  for (uint32_t seen = 0;;) {
    while (!watch(call_, seen, kYields)) {
      asleep_.fetch_add(1, std::memory_order_seq_cst);
      sleep_on(call_, seen);
      asleep_.fetch_sub(1, std::memory_order_seq_cst);
    }
    seen = call_.load(std::memory_order_acquire);
    if (index >= static_cast<int>(seen & kMost)) continue;           // a call of fewer threads
    job_(work_, index);
    barrier();
  }
}

}  // namespace limelight

// `library`: a handle of torch's, among whose own libraries its OpenMP is found. Returns whether it was.
LIMELIGHT_API int limelight_team(void* library) {
  limelight::Team team;
  team.parallel = reinterpret_cast<decltype(team.parallel)>(dlsym(library, "GOMP_parallel"));
  team.number = reinterpret_cast<decltype(team.number)>(dlsym(library, "omp_get_thread_num"));
  team.size = reinterpret_cast<decltype(team.size)>(dlsym(library, "omp_get_num_threads"));
  const bool whole = team.parallel && team.number && team.size;
  if (whole) limelight::Pool::shared().join(team);
  return whole;
}
