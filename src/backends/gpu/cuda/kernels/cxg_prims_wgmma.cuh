/*
 * wgmma of cxg_prims.cuh: sm_90a only. Integer wgmma takes both operands K-major from shared memory; one 64 x N x 32 product
 * of a warpgroup gives each thread N / 2 sums (PTX ISA 8.5, 9.7.15.5). Elsewhere the functions trap: a launch that reaches them
 * chose the wrong engine.
 */
#ifndef CXG_PRIMS_WGMMA_CUH
#define CXG_PRIMS_WGMMA_CUH

template <int N>
struct cxg_wgmma_shape;

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

CXG_DEVICE void cxg_wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
CXG_DEVICE void cxg_wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N>
CXG_DEVICE void cxg_wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}
CXG_DEVICE void cxg_fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/** CXG_D8(i): eight accumulators as operands. */
#define CXG_D8(i)                                                                                                                   \
  "+r"(d[i]), "+r"(d[i + 1]), "+r"(d[i + 2]), "+r"(d[i + 3]), "+r"(d[i + 4]), "+r"(d[i + 5]), "+r"(d[i + 6]), "+r"(d[i + 7])
#define CXG_D32(i) CXG_D8(i), CXG_D8(i + 8), CXG_D8(i + 16), CXG_D8(i + 24)
/** REGS is the list of operands in the text, A and B the numbers of the two descriptors that follow. */
#define CXG_WGMMA(N, REGS, A, B, ...)                                                                                           \
  template <>                                                                                                                   \
  struct cxg_wgmma_shape<N> {                                                                                                   \
    static CXG_DEVICE void run(int *d, uint64_t a, uint64_t b) {                                                                \
      asm volatile("{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n" #N "k32.s32.s8.s8 {" REGS            \
                   "}, %" #A ", %" #B ", p;}"                                                                                   \
                   : __VA_ARGS__                                                                                                \
                   : "l"(a), "l"(b));                                                                                           \
    }                                                                                                                           \
  };

#define CXG_R4_0 "%0,%1,%2,%3"
#define CXG_R8_0 "%0,%1,%2,%3,%4,%5,%6,%7"
#define CXG_R16_0 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15"
#define CXG_R16_16 "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define CXG_R16_32 "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47"
#define CXG_R16_48 "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define CXG_R16_64 "%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79"
#define CXG_R16_80 "%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95"
#define CXG_R16_96 "%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111"
#define CXG_R16_112 "%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"

CXG_WGMMA(8, CXG_R4_0, 4, 5, "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]))
CXG_WGMMA(16, CXG_R8_0, 8, 9, CXG_D8(0))
CXG_WGMMA(32, CXG_R16_0, 16, 17, CXG_D8(0), CXG_D8(8))
CXG_WGMMA(64, CXG_R16_0 "," CXG_R16_16, 32, 33, CXG_D32(0))
CXG_WGMMA(96, CXG_R16_0 "," CXG_R16_16 "," CXG_R16_32, 48, 49, CXG_D32(0), CXG_D8(32), CXG_D8(40))
CXG_WGMMA(128, CXG_R16_0 "," CXG_R16_16 "," CXG_R16_32 "," CXG_R16_48, 64, 65, CXG_D32(0), CXG_D32(32))
CXG_WGMMA(192, CXG_R16_0 "," CXG_R16_16 "," CXG_R16_32 "," CXG_R16_48 "," CXG_R16_64 "," CXG_R16_80, 96, 97, CXG_D32(0), CXG_D32(32), CXG_D32(64))
CXG_WGMMA(256, CXG_R16_0 "," CXG_R16_16 "," CXG_R16_32 "," CXG_R16_48 "," CXG_R16_64 "," CXG_R16_80 "," CXG_R16_96 "," CXG_R16_112, 128, 129, CXG_D32(0), CXG_D32(32), CXG_D32(64), CXG_D32(96))

#undef CXG_D8
#undef CXG_D32

#else

CXG_DEVICE void cxg_wgmma_fence() { __trap(); }
CXG_DEVICE void cxg_wgmma_commit() { __trap(); }
template <int N>
CXG_DEVICE void cxg_wgmma_wait() {
  __trap();
}
CXG_DEVICE void cxg_fence_proxy_async() { __trap(); }
template <int N>
struct cxg_wgmma_shape {
  static CXG_DEVICE void run(int *, uint64_t, uint64_t) { __trap(); }
};

#endif

/** N: 8, 16, 32, 64, 96, 128, 192 or 256. */
template <int N>
CXG_DEVICE void cxg_wgmma_m64k32_s8(int *d, uint64_t a, uint64_t b) {
  cxg_wgmma_shape<N>::run(d, a, b);
}

#endif
