/* SPDX-License-Identifier: MIT */
/* The only file that is compiled with the version's definitions. */
#include "harness/version.h"

const char attn_version[] = ATTN_VERSION;
const char attn_commit[] = ATTN_COMMIT;
#ifdef __clang__
const char attn_compiler[] = "clang " __clang_version__;
#else
const char attn_compiler[] = "gcc " __VERSION__;
#endif
const char attn_cflags[] = ATTN_CFLAGS;
#ifdef ATTN_SANITIZED
const int attn_sanitized = 1;
#else
const int attn_sanitized = 0;
#endif
