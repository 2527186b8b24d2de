// What a core can do at most: products that never leave the registers, and reading that does nothing else.
#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define SUMS 12                                     // independent sums, enough to hide how long one product takes
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define HELD(i) __asm__ volatile("" : "+v"(s##i));  // the compiler may neither leave a product out nor put two together

typedef float Floats __attribute__((vector_size(64)));
typedef uint64_t Words __attribute__((vector_size(64)));

double fp32(int64_t rounds) {
    Floats x = {0.5f, 0.25f}, y = {0.125f, 0.5f};
#define BEGIN(i) Floats s##i = x;
    EACH(BEGIN)
#undef BEGIN
    for (int64_t r = 0; r < rounds; r++) {
#define ADD(i) s##i += x * y; HELD(i)
        EACH(ADD)
#undef ADD
    }
    return 2.0 * 16 * SUMS * rounds;
}

double bf16(int64_t rounds) {
#ifdef __AVX512BF16__
    __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
#define BEGIN(i) __m512 s##i = _mm512_setzero_ps();
    EACH(BEGIN)
#undef BEGIN
    for (int64_t r = 0; r < rounds; r++) {
#define ADD(i) s##i = _mm512_dpbf16_ps(s##i, x, x); HELD(i)
        EACH(ADD)
#undef ADD
    }
    return 2.0 * 32 * SUMS * rounds;
#else
    return 0.0 * rounds;
#endif
}

double int8(int64_t rounds) {
#ifdef __AVX512VNNI__
    __m512i x = _mm512_set1_epi8(3);
#define BEGIN(i) __m512i s##i = x;
    EACH(BEGIN)
#undef BEGIN
    for (int64_t r = 0; r < rounds; r++) {
#define ADD(i) s##i = _mm512_dpbusd_epi32(s##i, x, x); HELD(i)
        EACH(ADD)
#undef ADD
    }
    return 2.0 * 64 * SUMS * rounds;
#else
    return 0.0 * rounds;
#endif
}

double read_all(const Words* from, int64_t vectors) {
    Words x = {0};
#define BEGIN(i) Words s##i = x;
    EACH(BEGIN)
#undef BEGIN
    for (int64_t v = 0; v + SUMS <= vectors; v += SUMS) {
#define ADD(i) s##i ^= from[v + i]; HELD(i)
        EACH(ADD)
#undef ADD
    }
    return 64.0 * (vectors - vectors % SUMS);
}
