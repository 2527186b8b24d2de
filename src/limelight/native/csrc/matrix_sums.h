// Sums of products: a few rows of x by one panel, all of them in registers.
#pragma once
#include "matrix_rows.h"

namespace limelight {

constexpr int64_t kStep = 128;                                        // bytes of a step of a panel
constexpr int64_t kGroupBytes = 2 * kPanel + kGroup * kPanel / 2;

inline int64_t panel_bytes(const Matrix& m, const Converted& c) { return m.kind == Kind::int4 ? c.groups * kGroupBytes : c.steps * kStep; }

// Rows that go together: in int4 a few share what was unpacked of half a panel, and of many five go best through a whole one.
inline int tallest(Kind kind, int64_t rows) { return kind == Kind::int4 && rows > 2 * kMostRows ? 5 : kMostRows; }

// sums (rows, 32): rows `first` ... of what was converted times a panel, which is `fresh` when it comes from memory.
using Kernel = void (*)(const Converted&, int64_t first, const uint8_t* panel, bool fresh, float* sums);

Kernel choose(Kind, int rows);

}  // namespace limelight
