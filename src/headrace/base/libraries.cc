#include "headrace/base/libraries.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "headrace/base/text.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

struct Places {
  std::vector<fs::path> folders;
  bool from_environment = false;
};

Result<Places> PlacesToLook() {
  if (const char* dir = std::getenv("HEADRACE_LIB_DIR"); dir != nullptr && *dir != '\0')
    return Places{{fs::path(dir)}, true};
  std::error_code error;
  Dl_info own;
  if (dladdr(reinterpret_cast<const void*>(&FindFunction), &own) != 0 && own.dli_fname != nullptr && fs::path(own.dli_fname).filename().string().find(".so") != std::string::npos) {
    const fs::path library = fs::canonical(own.dli_fname, error);
    if (!error) return Places{{library.parent_path() / "headrace", library.parent_path()}, false};
  }
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error)
    return Error(ErrorCode::kFailed, "cannot tell where the running program lies: /proc/self/exe: ", error.message())
        .WithHelp("set HEADRACE_LIB_DIR to the folder of the shared libraries");
  const fs::path home = program.parent_path().parent_path();
  return Places{{home / "lib" / "headrace", home / "lib"}, false};
}

}  // namespace

Result<std::string> FindSharedLibrary(std::string_view file_name) {
  ASSIGN_OR_RETURN(const Places places, PlacesToLook());
  std::string looked;
  for (const fs::path& folder : places.folders) {
    const fs::path candidate = folder / file_name;
    std::error_code error;
    if (fs::exists(candidate, error)) return candidate.string();
    looked += (looked.empty() ? "" : " and ") + folder.string();
  }
  return Error(ErrorCode::kInvalid, "shared library ", file_name, " not found; looked in ", looked)
      .WithHelp(places.from_environment
                    ? "HEADRACE_LIB_DIR overrides the usual places: correct it, or unset it"
                    : "keep bin/ and lib/ of the installed tree side by side, or set HEADRACE_LIB_DIR to the "
                      "folder of the shared libraries");
}

Result<void*> OpenSystemLibrary(const std::string& file_name, std::string_view what, std::string_view package) {
  const Result<std::string> own = FindSharedLibrary(file_name);
  if (void* library = dlopen(own.ok() ? own->c_str() : file_name.c_str(), RTLD_NOW | RTLD_LOCAL); library != nullptr) return library;
  return Error(ErrorCode::kInvalid, what, " cannot be loaded: ", dlerror()).WithHelp(StrCat("install it (Debian: apt-get install ", package, ")"));
}

void* FindFunction(void* library, const char* name) { return dlsym(library, name); }

}  // namespace headrace
