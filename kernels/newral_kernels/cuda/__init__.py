"""The batch tests of `newral_kernels.batch` on an NVIDIA GPU, through numba.

Importing `newral_kernels.cuda.batch` needs numba's CUDA target; running anything needs a GPU and
its driver, or numba's simulator (NUMBA_ENABLE_CUDASIM=1), which is slow and for tests.
"""
