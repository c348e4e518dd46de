#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "headrace/base/status.h"
#include "headrace/model/model.h"
#include "headrace/model/profile.h"

namespace headrace {

/// The parity proof: made-up raw rows, and what a model makes of them at each stage. Every process that is about to
/// score replays it and compares bits, so that a compiler, a processor or a change of ours that would alter scores is
/// noticed first.
///
/// The rows are drawn under a fixed seed from each column's profile (quantiles, levels) and, whatever the data, from
/// nulls, levels never seen, empty text, zeros and extreme numbers; a row that the transforms refuse is drawn anew
/// without the oddities. No row is a customer's.
///
/// On disk an Arrow IPC stream with one column each: "input.NAME" (raw), "vector.NAME" (transformed), "margin.K"
/// (learner), "output.NAME" (the columns of Scorer::Score).
inline constexpr std::size_t kProofRows = 64;

/// kFailed when the transforms refuse every made-up row.
Result<std::string> MakeProof(const Scorer& scorer, const Profile& profile);

/// kFailed names the first column and row (from 1) that differs; kInvalid when `proof` is not a proof of such a model.
Status ReplayProof(const Scorer& scorer, std::string_view proof);

}  // namespace headrace
