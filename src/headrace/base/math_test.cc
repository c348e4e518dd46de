#include "headrace/base/math.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "headrace/base/processor.h"

namespace headrace {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kTiny = std::numeric_limits<double>::denorm_min();

/// The distance of `got` from `want` in units in the last place of the double nearest to `want`.
double Ulps(double got, long double want) {
  const double nearest = static_cast<double>(want);
  if (std::isnan(nearest)) return std::isnan(got) ? 0 : kInf;
  if (std::isinf(nearest)) return got == nearest ? 0 : kInf;
  const double size = std::fabs(nearest);
  const double unit = std::nextafter(size, kInf) - size;
  return static_cast<double>(std::fabs((static_cast<long double>(got) - want) / static_cast<long double>(unit)));
}

/// Doubles of every size and sign, with special ones in between.
std::vector<double> AnyDoubles(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> out = {
      0.0, -0.0, 1.0, -1.0, kInf, -kInf, std::nan(""), kTiny, -kTiny, 0x1p-1022, 0x1.fffffffffffffp1023};
  while (out.size() < count) out.push_back(std::bit_cast<double>(random()));
  return out;
}
std::vector<double> Uniform(std::size_t count, double low, double high, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53);
  return out;
}

struct Case {
  const char* name;
  double (*ours)(double);
  long double (*reference)(long double);
  double low, high;  ///< where the function is interesting
};
const Case kCases[] = {
    {"exp", math::Exp, std::exp, -750, 712},      {"exp near 0", math::Exp, std::exp, -1, 1},
    {"expm1", math::Expm1, std::expm1, -50, 712}, {"expm1 near 0", math::Expm1, std::expm1, -0.7, 0.7},
    {"log", math::Log, std::log, 0, 10},          {"log near 1", math::Log, std::log, 0.98, 1.02},
    {"log1p", math::Log1p, std::log1p, -1, 10},   {"log1p near 0", math::Log1p, std::log1p, -0.01, 0.01},
    {"log10", math::Log10, std::log10, 0, 2000},  {"log10 near 1", math::Log10, std::log10, 0.98, 1.02},
};

// The reference is the C library in 80-bit long double, where the platform has that.
constexpr bool kWide = std::numeric_limits<long double>::digits >= 64;

TEST(MathTest, ErrorsStayBelowOneUnitInTheLastPlace) {
  if (!kWide) GTEST_SKIP() << "no wider long double here to compare with";
  for (const Case& c : kCases) {
    double worst = 0, at = 0;
    auto look = [&](double x) {
      const double error = Ulps(c.ours(x), c.reference(static_cast<long double>(x)));
      if (!(error <= worst)) worst = error, at = x;   // a NaN is an error too
    };
    for (double x : AnyDoubles(200'000, 1)) look(x);
    for (double x : Uniform(300'000, c.low, c.high, 2)) look(x);
    for (double x : Uniform(50'000, -1, 1, 3)) look(x * 0x1p-30), look(1.0 + x * 0x1p-30), look(x * 0x1p-1030);
    EXPECT_LT(worst, 0.77) << c.name << " at " << at;
  }
}

TEST(MathTest, ManyAtOnceHaveTheBitsOfEachAlone) {
  struct Of { double (*one)(double); void (*many)(double*, std::size_t); };
  std::vector<double> inputs = AnyDoubles(100'003, 7);
  for (const double half : {1.0, 10.0, 60.0})
    for (const double x : Uniform(50'000, -half, half, 8)) inputs.push_back(x);
  for (const double x : Uniform(20'000, -1, 1, 9)) inputs.push_back(x * 0x1p-40), inputs.push_back(1.0 + x * 0x1p-30), inputs.push_back(x * 0x1p-53);
  for (const bool portable : {false, true}) {
    ForgetAvx2(portable);
    for (const Of& of : {Of{math::Log, math::LogAll}, Of{math::Log1p, math::Log1pAll}, Of{math::Expm1, math::Expm1All}}) {
      std::vector<double> all = inputs;
      of.many(all.data(), all.size());
      std::size_t different = 0;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const double one = of.one(inputs[i]);
        different += std::isnan(one) ? !std::isnan(all[i]) : std::bit_cast<std::uint64_t>(one) != std::bit_cast<std::uint64_t>(all[i]);
      }
      EXPECT_EQ(different, 0u) << portable;
    }
  }
  ForgetAvx2(false);
}

TEST(MathTest, SineAndCosineOfPiTimesXErrByLessThanOneUnitAndAreExactAtQuarters) {
  for (const double whole : {0.0, 2.0, -4.0, 1e15, 0x1p60}) {
    EXPECT_EQ(math::SinPi(whole), 0.0);
    EXPECT_EQ(math::CosPi(whole), 1.0);
  }
  EXPECT_EQ(math::SinPi(0.5), 1.0);
  EXPECT_EQ(math::SinPi(1.0), 0.0);
  EXPECT_EQ(math::SinPi(1.5), -1.0);
  EXPECT_EQ(math::CosPi(0.5), 0.0);
  EXPECT_EQ(math::CosPi(-1.0), -1.0);
  EXPECT_EQ(math::SinPi(1.0 / 6), 0.5);
  EXPECT_TRUE(std::isnan(math::SinPi(kInf)) && std::isnan(math::CosPi(std::nan(""))));
  if (!kWide) GTEST_SKIP() << "no wider long double here to compare with";
  const long double pi = 3.141592653589793238462643383279502884L;
  const auto reference = [&](double x, int quarters) {
    const long double n = std::nearbyint(2.0L * static_cast<long double>(x)), y = static_cast<long double>(x) - 0.5L * n;
    const int quadrant = static_cast<int>(std::fmod(n, 4.0L) + 8 + quarters) & 3;
    const long double value = quadrant % 2 == 0 ? std::sin(pi * y) : std::cos(pi * y);
    return quadrant < 2 ? value : -value;
  };
  double worst = 0;
  for (const double size : {1e-9, 0.5, 3.0, 1000.0})
    for (const double x : Uniform(100'000, -size, size, 8)) {
      worst = std::max(worst, Ulps(math::SinPi(x), reference(x, 0)));
      worst = std::max(worst, Ulps(math::CosPi(x), reference(x, 1)));
    }
  EXPECT_LT(worst, 1.0);
}

TEST(MathTest, PowErrsByLessThanOneUnit) {
  if (!kWide) GTEST_SKIP() << "no wider long double here to compare with";
  double worst = 0, at_x = 0, at_y = 0;
  auto look = [&](double x, double y) {
    const double error = Ulps(math::Pow(x, y), std::pow(static_cast<long double>(x), static_cast<long double>(y)));
    if (error > worst) worst = error, at_x = x, at_y = y;
  };
  const std::vector<double> any = AnyDoubles(200'000, 4), small = Uniform(200'000, -40, 40, 5);
  const std::vector<double> near_one = Uniform(200'000, 0.5, 2, 6), wide = Uniform(200'000, -1100, 1100, 7);
  for (std::size_t i = 0; i < any.size(); ++i) {
    look(any[i], any[any.size() - 1 - i]);
    look(any[i], small[i]);
    look(std::fabs(any[i]), small[i] / 40);
    look(std::fabs(small[i]), small[small.size() - 1 - i] * 5);
    look(near_one[i], wide[i]);
    look(small[i], std::round(small[small.size() - 1 - i]));
    look(1 + small[i] * 0x1p-40, wide[i] * 0x1p38);
  }
  for (double x : AnyDoubles(11, 0))
    for (double y : AnyDoubles(11, 0))
      for (double whole : {y, 3.0, -3.0, 2.0, -2.0, 0.5}) look(x, whole), look(whole, x);
  EXPECT_LT(worst, 0.77) << "pow(" << at_x << ", " << at_y << ")";
}

TEST(MathTest, WhatIsExactComesOutExact) {
  EXPECT_EQ(math::Exp(0), 1);
  EXPECT_EQ(math::Log(1), 0);
  EXPECT_FALSE(std::signbit(math::Log(1)));
  double power = 1;
  for (int n = 0; n <= 22; ++n, power *= 10) EXPECT_EQ(math::Log10(power), n);
  EXPECT_EQ(math::Pow(-2, 3), -8);
  for (int base = -30; base <= 30; ++base) {
    std::int64_t exact = 1;
    for (int n = 0; n <= 10; ++n, exact *= base)
      EXPECT_EQ(math::Pow(base, n), static_cast<double>(exact)) << base << "^" << n;
    EXPECT_EQ(math::Pow(static_cast<double>(base) * base, 0.5), std::abs(base));
  }
  for (double x : Uniform(20'000, -1e6, 1e6, 8)) {
    const double whole = std::round(x);
    EXPECT_EQ(math::Pow(whole, 2), whole * whole);
    EXPECT_EQ(math::Pow(x, 1), x);
  }
}

TEST(MathTest, SpecialValuesFollowAnnexF) {
  struct {
    double got, want;
  } cases[] = {
      {math::Exp(-kInf), 0},        {math::Exp(kInf), kInf},         {math::Exp(-746), 0},
      {math::Expm1(-kInf), -1},     {math::Expm1(-0.0), -0.0},       {math::Log(0), -kInf},
      {math::Log(-0.0), -kInf},     {math::Log(kInf), kInf},         {math::Log1p(-1), -kInf},
      {math::Log1p(-0.0), -0.0},    {math::Log10(0), -kInf},         {math::Pow(0, -1), kInf},
      {math::Pow(-0.0, -1), -kInf}, {math::Pow(-0.0, 3), -0.0},      {math::Pow(-0.0, 2), 0},
      {math::Pow(-1, kInf), 1},     {math::Pow(std::nan(""), 0), 1}, {math::Pow(1, std::nan("")), 1},
      {math::Pow(-kInf, 3), -kInf}, {math::Pow(-kInf, -3), -0.0},    {math::Pow(0.5, -kInf), kInf},
      {math::Sigmoid(0), 0.5},      {math::Sigmoid(kInf), 1},        {math::Sigmoid(-kInf), 0},
  };
  for (const auto& c : cases)
    EXPECT_EQ(std::bit_cast<std::uint64_t>(c.got), std::bit_cast<std::uint64_t>(c.want)) << c.want;
  for (double nan : {math::Log(-1), math::Log1p(-2), math::Log10(-1), math::Pow(-8, 1.0 / 3), math::Exp(std::nan(""))})
    EXPECT_TRUE(std::isnan(nan));
}

// A change of one bit anywhere (a compiler that fuses, a table entry) changes this digest.
TEST(MathTest, TheBitsAreThoseOfEveryOtherMachine) {
  std::uint64_t digest = 0;
  auto add = [&](double v) {
    const std::uint64_t bits = std::isnan(v) ? 1 : std::bit_cast<std::uint64_t>(v);
    digest = (digest ^ bits) * 0x9e3779b97f4a7c15ULL;
    digest ^= digest >> 29;
  };
  for (const Case& c : kCases)
    for (double x : Uniform(20'000, c.low, c.high, 9)) add(c.ours(x));
  const std::vector<double> x = Uniform(20'000, 0, 50, 10), y = Uniform(20'000, -50, 50, 11);
  for (std::size_t i = 0; i < x.size(); ++i) add(math::Pow(x[i], y[i])), add(math::Sigmoid(y[i]));
  EXPECT_EQ(digest, 5324529518163863435ULL);
}

}  // namespace
}  // namespace headrace
