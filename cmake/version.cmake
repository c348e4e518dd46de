# Writes generated/headrace/version.h: project version, git commit, and whether tracked files differ from it. Run at
# every build (included by CMakeLists.txt, run again as a script by the target below); the file is touched only when
# its text changes, and only base/version.cc includes it.

if(CMAKE_SCRIPT_MODE_FILE)
  set(HEADRACE_COMMIT unknown)
  set(HEADRACE_DIRTY 0)
  execute_process(COMMAND git --no-optional-locks rev-parse --show-toplevel --verify HEAD
    WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE answer RESULT_VARIABLE failed ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed)
    string(REPLACE "\n" ";" answer "${answer}")
    list(GET answer 0 top)
    if(top STREQUAL SOURCE_DIR)   # not the checkout of something else that this folder was unpacked into
      list(GET answer 1 HEADRACE_COMMIT)
      execute_process(COMMAND git --no-optional-locks status --porcelain --untracked-files=no
        WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE changes ERROR_QUIET)
      if(changes)
        set(HEADRACE_DIRTY 1)
      endif()
    endif()
  endif()
  configure_file(${SOURCE_DIR}/cmake/version.h.in ${OUTPUT} @ONLY)
  return()
endif()

set(version_header ${CMAKE_BINARY_DIR}/generated/headrace/version.h)
set(write_version ${CMAKE_COMMAND} -DSOURCE_DIR=${CMAKE_SOURCE_DIR} -DOUTPUT=${version_header}
  -DHEADRACE_VERSION=${PROJECT_VERSION} -P ${CMAKE_CURRENT_LIST_FILE})
add_custom_target(headrace_version COMMAND ${write_version} BYPRODUCTS ${version_header} COMMENT "" VERBATIM)
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/headrace/base/version.cc PROPERTIES
  OBJECT_DEPENDS ${version_header} INCLUDE_DIRECTORIES ${CMAKE_BINARY_DIR}/generated)
