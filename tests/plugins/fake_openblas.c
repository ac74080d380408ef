/* SPDX-License-Identifier: MIT */
/* Stands in for OpenBLAS of a time before the CPU: it knows another core only if told when loaded.
 */
#include <cblas.h>
#include <stdlib.h>

static const char *core;

__attribute__((constructor)) static void choose(void)
{
    const char *set = getenv("OPENBLAS_CORETYPE");
    core = set ? set : "Prescott";
}

char *openblas_get_corename(void)
{
    return (char *)core;
}

char *openblas_get_config(void)
{
    return "stand-in";
}

void cblas_sgemm(const enum CBLAS_ORDER order, const enum CBLAS_TRANSPOSE ta,
                 const enum CBLAS_TRANSPOSE tb, const blasint m, const blasint n, const blasint k,
                 const float alpha, const float *a, const blasint lda, const float *b,
                 const blasint ldb, const float beta, float *c, const blasint ldc)
{
    if (order != CblasRowMajor || ta != CblasNoTrans || beta != 0)
        abort();
    for (blasint i = 0; i < m; i++)
        for (blasint j = 0; j < n; j++) {
            double sum = 0;
            for (blasint l = 0; l < k; l++)
                sum +=
                    (double)a[i * lda + l] * (tb == CblasTrans ? b[j * ldb + l] : b[l * ldb + j]);
            c[i * ldc + j] = (float)(alpha * sum);
        }
}
