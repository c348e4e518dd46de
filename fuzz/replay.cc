// The fuzz targets without a fuzzer, by any compiler: fuzz_replay TARGET FILE_OR_FOLDER... hands the target each file, in the order of their names. A file that
// breaks it ends the process; its name was printed before.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "target.h"

// cmake/fuzz.cmake compiles each target under a name of its own.
#define HEADRACE_FUZZ_TARGETS(X) X(arrow) X(expression) X(forest) X(model_file) X(project) X(xgboost)
#define DECLARE(name) extern "C" int Fuzz_##name(const std::uint8_t* data, std::size_t size);
HEADRACE_FUZZ_TARGETS(DECLARE)

namespace {

struct Target {
  std::string_view name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};
#define ENTRY(name) {#name, &Fuzz_##name},
constexpr Target kTargets[] = {HEADRACE_FUZZ_TARGETS(ENTRY)};

std::vector<std::string> FilesOf(std::string_view path) {
  std::vector<std::string> files;
  if (std::filesystem::is_regular_file(path)) return {std::string(path)};
  if (!std::filesystem::is_directory(path)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  const auto* target = argc < 3 ? std::end(kTargets) : std::find_if(std::begin(kTargets), std::end(kTargets), [&](const Target& t) { return t.name == argv[1]; });
  if (target == std::end(kTargets)) {
    std::fprintf(stderr, "fuzz_replay TARGET FILE_OR_FOLDER...; targets:");
    for (const Target& known : kTargets) std::fprintf(stderr, " %s", std::string(known.name).c_str());
    std::fprintf(stderr, "\n");
    return 2;
  }
  std::size_t inputs = 0;
  for (int i = 2; i < argc; ++i) {
    for (const std::string& file : FilesOf(argv[i])) {
      std::printf("%s\n", file.c_str());
      std::fflush(stdout);
      std::ifstream in(file, std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
      target->run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      ++inputs;
    }
  }
  std::printf("%zu inputs, none broke %s\n", inputs, argv[1]);
  return inputs == 0 ? 2 : 0;
}
