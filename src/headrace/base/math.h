#pragma once

#include <cstddef>

namespace headrace::math {

/// Elementary functions with the same bits on every processor.
///
/// The C library's differ between machines in the last bit (its FMA variants change `exp` in one value of
/// 1,500), so everything that influences a fitted or scored value calls these instead. They are built from
/// + - * / and operations on bits only, under -ffp-contract=off and round-to-nearest; a test pins a digest of
/// their results. Square roots need no function here: std::sqrt is correctly rounded everywhere.
///
/// Accuracy: the error is below 1 unit in the last place over all doubles, subnormal results included (about
/// 0.53 where the result is normal). What is exact comes out exact: Log(1) = 0, Log10(1000) = 3, Pow(3, 4) = 81.
/// Infinities, NaN and signed zeros follow ISO C Annex F. No errno, no floating-point exceptions to rely on.
///
/// Threads: pure functions.
double Exp(double x);
double Expm1(double x);  ///< e^x - 1, exact to the last place also near 0
double Log(double x);    ///< natural; -inf at 0, NaN below
double Log1p(double x);  ///< log(1 + x), exact to the last place also near 0
double Log10(double x);
double Pow(double x, double y);

/// Of `n` numbers, in place: the bits of the functions above, several at a time where the processor can.
void LogAll(double* x, std::size_t n);
void Log1pAll(double* x, std::size_t n);
void Expm1All(double* x, std::size_t n);

/// sin(pi x) and cos(pi x), as in C23. x is reduced exactly: both are 0, 1, -1 where they should be, however large x is.
double SinPi(double x);
double CosPi(double x);

/// 1 / (1 + e^-x), within 2 units in the last place.
double Sigmoid(double x);

}  // namespace headrace::math
