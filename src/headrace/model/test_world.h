#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "headrace/model/train.h"
#include "headrace/model/zip.h"
#include "headrace/table/table.h"

/// Made-up customers for the tests of this room.
namespace headrace::testing_world {

/// The members of a zip, to be changed.
inline std::vector<ZipMember> MembersOf(std::string_view zip) {
  std::vector<ZipMember> members;
  for (const ZipEntry& entry : *ReadZip(zip)) members.push_back({entry.name, std::string(entry.bytes)});
  return members;
}

/// `n` customers with nulls, text, a constant and three targets: churned (bool), visits (double), plan (three levels).
inline Table Customers(std::size_t n, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  const auto uniform = [&] { return static_cast<double>(random() >> 11) / 9007199254740992.0; };
  ColumnBuilder id(Type::kInt), spend(Type::kDouble), country(Type::kText), since(Type::kDate), active(Type::kBool),
      constant(Type::kInt), visits(Type::kDouble), plan(Type::kText), is_test(Type::kBool), churned(Type::kBool);
  for (std::size_t i = 0; i < n; ++i) {
    const double money = 50 + 20 * normal(random);
    const std::size_t place = random() % 4;
    const bool engaged = uniform() < 0.6;
    id.AppendInt(static_cast<std::int64_t>(i));
    if (uniform() < 0.05)
      spend.AppendNull();
    else
      spend.AppendDouble(money);
    if (uniform() < 0.03)
      country.AppendNull();
    else
      country.AppendText(std::string(1, static_cast<char>('A' + place)));
    since.AppendInt(15000 + static_cast<std::int64_t>(random() % 3000));
    active.AppendInt(engaged);
    constant.AppendInt(7);
    const double lean = (50 - money) / 8 + (place == 2 ? 1.5 : 0.0) - (engaged ? 0.8 : 0.0);
    visits.AppendDouble(10 - 2 * lean + normal(random));
    const double tier = lean + 0.7 * normal(random);
    plan.AppendText(tier < -1 ? "pro" : tier < 1 ? "plus" : "basic");
    is_test.AppendInt(i % 5 == 0);
    churned.AppendInt(uniform() < 1 / (1 + std::exp(-lean)));
  }
  return Table(Schema({{"customer_id", Type::kInt},
                       {"spend", Type::kDouble},
                       {"country", Type::kText},
                       {"since", Type::kDate},
                       {"active", Type::kBool},
                       {"constant", Type::kInt},
                       {"visits", Type::kDouble},
                       {"plan", Type::kText},
                       {"is_test", Type::kBool},
                       {"churned", Type::kBool}}),
               {id.Finish(), spend.Finish(), country.Finish(), since.Finish(), active.Finish(), constant.Finish(),
                visits.Finish(), plan.Finish(), is_test.Finish(), churned.Finish()},
               n);
}

/// By key, a hash split, and without what gives the target away.
inline TrainSpec SpecFor(const std::string& target) {
  TrainSpec spec;
  spec.target = target;
  spec.key = {"customer_id"};
  spec.split = {SplitSpec::Kind::kHash, {}, 0.25, 0};
  return spec;
}

inline ColumnPtr Constant(std::size_t n, bool value) {
  ColumnBuilder builder(Type::kBool);
  for (std::size_t i = 0; i < n; ++i) builder.AppendInt(value);
  return builder.Finish();
}

inline ColumnPtr NullsAt(std::size_t n, std::size_t every) {
  ColumnBuilder builder(Type::kBool);
  for (std::size_t i = 0; i < n; ++i) {
    if (i % every == 0)
      builder.AppendNull();
    else
      builder.AppendInt(i % 2);
  }
  return builder.Finish();
}

/// The rows of is_test with other spends and turned targets.
inline Table RuinTestRows(const Table& rows) {
  ColumnBuilder spend(Type::kDouble), churned(Type::kBool);
  const Column &was_spend = *rows.Find("spend"), &was_churned = *rows.Find("churned"), &is_test = *rows.Find("is_test");
  for (std::size_t i = 0; i < rows.num_rows(); ++i) {
    if (is_test.ints()[i] == 0) {
      spend.Append(was_spend.At(i));
      churned.Append(was_churned.At(i));
    } else {
      spend.AppendDouble(1e6 + static_cast<double>(i));
      churned.AppendInt(1 - was_churned.ints()[i]);
    }
  }
  return rows.WithColumn("spend", spend.Finish()).WithColumn("churned", churned.Finish());
}

}  // namespace headrace::testing_world
