// The instructions that all that follows in a source file may use:
//
//   MIFENG_TARGET("avx2,aes")
//
// Only for kernels that run after a look at CPUID. It stands below the last #include of a header that is not made for
// it: an inline function of the standard library that was compiled for another processor could become the only copy of
// a program.
#pragma once

#define MIFENG_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define MIFENG_TARGET(features) \
  MIFENG_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define MIFENG_TARGET_END MIFENG_PRAGMA(clang attribute pop)
#else
#define MIFENG_TARGET(features) MIFENG_PRAGMA(GCC push_options) MIFENG_PRAGMA(GCC target(features))
#define MIFENG_TARGET_END MIFENG_PRAGMA(GCC pop_options)
#endif

#define MIFENG_INLINE inline __attribute__((always_inline))
