#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "headrace/model/model.h"
#include "headrace/model/zip.h"

/// A model file as its members, for programs that damage models on purpose. Digests let no damage through; a stranger who wants us to read something odd
/// would mend them, so these functions do.
namespace headrace::fuzz {

/// One text of all members: each after a line "@@ NAME". SplitPieces takes any text (what stands before the first such line is nothing).
std::string JoinPieces(const std::vector<ZipMember>& members);
std::vector<ZipMember> SplitPieces(std::string_view text);

/// What a careful stranger would do after changing a member: JSON in the one form that we write, the sizes of trees in the forest's text as they are, inputs
/// and features in the manifest as the transform has them, and the digests of all members. Members that do not parse stay as they are.
std::string Seal(std::vector<ZipMember> members);

/// Do with an opened model all that any program of ours does: replay its proof, score rows of odd values whole and one by one (the bits must agree),
/// explain, read its metrics, profile and card.
void UseModel(const std::shared_ptr<const Model>& model);

/// Rows of odd values in the columns that the model reads.
Table OddRows(const Model& model);

}  // namespace headrace::fuzz
