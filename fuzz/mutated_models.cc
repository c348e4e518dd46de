// Models damaged on purpose: mutated_models FOLDER [COUNT [SEED]]. FOLDER holds models as pieces (model_pieces.h). Half of the damage is done to the bytes of the
// file, which must then be refused; half to its members, which are sealed again and may open: then everything is done with the model that our programs do.
// The same seed makes the same models. Ends with a JSON line; a model that breaks us ends the process, after its number was written.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "headrace/base/text.h"
#include "model_pieces.h"

namespace {

using namespace headrace;

volatile std::sig_atomic_t at_mutant = 0;

void TellAndDie(int signal) {
  char text[80];
  const int size = std::snprintf(text, sizeof text, "\nmutant %d ended the process by signal %d\n", static_cast<int>(at_mutant), signal);
  if (write(STDERR_FILENO, text, static_cast<std::size_t>(size)) < 0) _exit(3);
  _exit(1);
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::size_t Below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random_() % n); }

  /// One to four changes of the kinds that files suffer and strangers try.
  void Damage(std::string* bytes) {
    for (std::size_t changes = 1 + Below(4); changes > 0; --changes) Change(bytes);
  }

 private:
  void Change(std::string* bytes) {
    static const char* const kOdd[] = {"0", "-1", "1", "2", "255", "65536", "2147483647", "-2147483648", "4294967296", "9223372036854775807", "-9223372036854775808", "18446744073709551616",
                                       "1e308", "1e-320", "1e999", "-0.0", "nan", "null", "true", "[]", "{}", "\"\"", "[[]]", "\"\\u0000\"", "0.1"};
    const std::size_t size = bytes->size(), at = Below(size + 1);
    switch (Below(9)) {
      case 0: if (size > 0) (*bytes)[at % size] = static_cast<char>((*bytes)[at % size] ^ (1 << Below(8))); break;
      case 1: if (size > 0) (*bytes)[at % size] = static_cast<char>(random_()); break;
      case 2: bytes->erase(at, 1 + Below(16)); break;
      case 3: bytes->insert(at, bytes->substr(Below(size + 1), 1 + Below(64))); break;
      case 4: bytes->resize(at); break;
      case 5: bytes->insert(at, 1 + Below(8), static_cast<char>(random_())); break;
      default: ReplaceNumber(bytes, at, kOdd[Below(std::size(kOdd))]); break;
    }
  }
  /// The number at or after a place by another.
  void ReplaceNumber(std::string* bytes, std::size_t at, const char* with) {
    constexpr const char* kDigits = "0123456789.e+-";
    const std::size_t from = bytes->find_first_of("0123456789", at);
    if (from == std::string::npos) return;
    const std::size_t to = bytes->find_first_not_of(kDigits, from);
    bytes->replace(from, (to == std::string::npos ? bytes->size() : to) - from, with);
  }

  std::mt19937_64 random_;
};

std::vector<std::vector<ZipMember>> ReadSeeds(const char* folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  std::vector<std::vector<ZipMember>> seeds;
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    seeds.push_back(fuzz::SplitPieces(std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}));
    const auto model = Model::FromBytes(fuzz::Seal(seeds.back()), file);
    if (!model.ok() || !(*model)->ReplayProof().ok()) {
      std::fprintf(stderr, "%s does not open as it is: %s\nmake it anew with fuzz/make_corpus.py\n", file.c_str(), model.ok() ? (*model)->ReplayProof().ToString().c_str() : model.status().ToString().c_str());
      std::exit(2);
    }
    fuzz::UseModel(*model);
  }
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int count = argc > 2 ? std::atoi(argv[2]) : 5000;
  const auto seed = static_cast<std::uint64_t>(argc > 3 ? std::atoll(argv[3]) : 1);
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL}) std::signal(signal, &TellAndDie);
  const auto seeds = ReadSeeds(argv[1]);
  Mutator mutator(seed);
  int opened = 0, refused = 0, wrongly_opened = 0;
  double slowest_ms = 0;
  for (int i = 0; i < count; ++i) {
    at_mutant = i;
    std::vector<ZipMember> members = seeds[mutator.Below(seeds.size())];
    const bool sealed = i % 2 == 0;
    std::string bytes, whole;
    if (sealed) {
      mutator.Damage(&members[mutator.Below(members.size())].bytes);
      if (mutator.Below(20) == 0) {   // a member of another model
        const std::vector<ZipMember>& other = seeds[mutator.Below(seeds.size())];
        const std::size_t which = mutator.Below(std::min(members.size(), other.size()));
        members[which] = other[which];
      }
      bytes = fuzz::Seal(std::move(members));
    } else {
      whole = fuzz::Seal(std::move(members));
      bytes = whole;
      mutator.Damage(&bytes);
    }
    const bool changed = bytes != whole;
    const auto begin = std::chrono::steady_clock::now();
    const auto model = Model::FromBytes(std::move(bytes), "mutant");
    if (model.ok()) fuzz::UseModel(*model);
    slowest_ms = std::max(slowest_ms, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    (model.ok() ? opened : refused) += 1;
    if (model.ok() && !sealed && changed) {
      ++wrongly_opened;
      std::fprintf(stderr, "mutant %d opens although its bytes are not those that were written\n", i);
    }
  }
  std::printf("{\"mutated_models\": %d, \"seed\": %llu, \"refused\": %d, \"opened\": %d, \"opened_though_damaged\": %d, \"crashes\": 0, \"slowest_ms\": %.1f}\n", count,
              static_cast<unsigned long long>(seed), refused, opened, wrongly_opened, slowest_ms);
  return wrongly_opened == 0 ? 0 : 1;
}
