"""The batch tests of `newral_kernels.batch` on an NVIDIA GPU, through numba.

Importing `newral_kernels.cuda.batch` needs neither numba nor a GPU. Running anything needs both,
and a driver; or numba's simulator (NUMBA_ENABLE_CUDASIM=1), which is slow and for tests.
"""
