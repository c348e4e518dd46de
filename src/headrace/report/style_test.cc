#include "headrace/report/style.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "headrace/base/text.h"

namespace headrace {
namespace {

/// Relative luminance and contrast as WCAG 2.1 defines them.
double Luminance(const std::string& hex) {
  const double weights[3] = {0.2126, 0.7152, 0.0722};
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const double c = std::stoi(hex.substr(1 + 2 * i, 2), nullptr, 16) / 255.0;
    sum += weights[i] * (c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
  }
  return sum;
}

double Contrast(const std::string& a, const std::string& b) {
  const double la = Luminance(a), lb = Luminance(b);
  return (std::max(la, lb) + 0.05) / (std::min(la, lb) + 0.05);
}

/// The colour variables of the `number`-th `:root` block, from 0.
std::map<std::string, std::string> Colours(const std::string& css, int number) {
  std::size_t at = 0;
  for (int i = 0; i <= number; ++i) at = css.find(":root{", at) + 6;
  std::map<std::string, std::string> colours;
  for (const std::string& line : Split(css.substr(at, css.find('}', at) - at), ';')) {
    const std::string_view rule = Trim(line);
    const std::size_t colon = rule.find(':');
    if (rule.starts_with("--") && rule.size() == colon + 8 && rule[colon + 1] == '#') colours[std::string(rule.substr(2, colon - 2))] = rule.substr(colon + 1);
  }
  return colours;
}

TEST(StyleTest, EveryTextIsReadableOnItsGroundInLightAndDark) {
  const std::string css = StyleSheet().markup();
  for (int theme : {0, 1}) {
    const auto colours = Colours(css, theme);
    ASSERT_GE(colours.size(), 16u) << theme;
    for (const char* ground : {"ground", "panel"})
      for (const char* text : {"ink", "soft", "accent", "second", "good", "warn", "bad"})
        EXPECT_GE(Contrast(colours.at(text), colours.at(ground)), 4.5) << text << " on " << ground << " in theme " << theme;
    for (const char* tone : {"good", "warn", "bad"}) EXPECT_GE(Contrast(colours.at(tone), colours.at(StrCat(tone, "-ground"))), 4.5) << tone << " in theme " << theme;
    EXPECT_GE(Contrast(colours.at("ink"), colours.at("calm-ground")), 4.5);
    EXPECT_GE(Contrast(colours.at("ink"), colours.at("code")), 4.5);
    for (const char* text : {"soft", "bad"}) EXPECT_GE(Contrast(colours.at(text), colours.at("code")), 4.5) << text;
  }
}

}  // namespace
}  // namespace headrace
