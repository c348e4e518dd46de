# Headrace for C++ programs (docs/cpp.md): lib/libheadrace_cpp.so with the rooms from base to model, the headers that a user needs, and a CMake package:
#
#   find_package(headrace 0.1 REQUIRED)
#   target_link_libraries(mine PRIVATE headrace::headrace)      # C++; headrace::c is the C interface alone
#
# Its symbols are those of the namespace headrace; what it is made of (nanoarrow, OpenSSL, zlib, ...) stays inside.

if(SKBUILD)
  return()
endif()

set(exports ${CMAKE_BINARY_DIR}/generated/libheadrace_cpp.map)
file(WRITE ${exports} "{ global: extern \"C++\" { headrace::*; \"typeinfo for headrace::*\"; \"typeinfo name for headrace::*\"; \"vtable for headrace::*\"; }; local: *; };\n")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/libheadrace_cpp.cc CONTENT "// A shared library needs a source; all else comes from the rooms.\n")
add_library(headrace_cpp SHARED ${CMAKE_BINARY_DIR}/generated/libheadrace_cpp.cc)
target_link_libraries(headrace_cpp PRIVATE headrace_model)
set_target_properties(headrace_cpp PROPERTIES LINK_LIBRARY_OVERRIDE  # whole rooms: what nobody calls in here, a user may
                      WHOLE_ARCHIVE,headrace_base,headrace_table,headrace_expr,headrace_sql,headrace_check,headrace_feature,headrace_aggregate,headrace_model)
target_link_options(headrace_cpp PRIVATE -Wl,--version-script=${exports} -Wl,--disable-new-dtags)
target_include_directories(headrace_cpp INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include>)
target_compile_features(headrace_cpp INTERFACE cxx_std_20)
set_target_properties(headrace_cpp PROPERTIES EXPORT_NAME headrace LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib LINK_DEPENDS ${exports}
                      SOVERSION ${PROJECT_VERSION} BUILD_RPATH "$ORIGIN" INSTALL_RPATH "$ORIGIN/headrace:$ORIGIN")

# What a user includes, a header or two a room; all that these include is installed with them, and nothing else.
set(public_headers base/status.h table/table.h expr/expr.h sql/files.h check/check.h feature/transform.h aggregate/aggregate.h model/train.h model/row_scorer.h model/explanation.h)
list(LENGTH public_headers left)
while(left GREATER 0)
  list(POP_FRONT public_headers header)
  list(APPEND installed_headers ${header})
  file(STRINGS src/headrace/${header} includes REGEX "^#include \"headrace/")
  foreach(include ${includes})
    string(REGEX REPLACE "^#include \"headrace/(.*)\".*" "\\1" included ${include})
    if(NOT included IN_LIST installed_headers AND NOT included IN_LIST public_headers)
      list(APPEND public_headers ${included})
    endif()
  endforeach()
  list(LENGTH public_headers left)
endwhile()
foreach(header ${installed_headers})
  get_filename_component(room ${header} DIRECTORY)
  install(FILES src/headrace/${header} DESTINATION include/headrace/${room})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/headrace/${header})
endforeach()

include(CMakePackageConfigHelpers)
set(package_dir lib/cmake/headrace)
install(TARGETS headrace_cpp EXPORT headraceTargets LIBRARY DESTINATION lib)
install(EXPORT headraceTargets NAMESPACE headrace:: DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/headraceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
file(WRITE ${CMAKE_BINARY_DIR}/generated/headraceConfig.cmake "include(\${CMAKE_CURRENT_LIST_DIR}/headraceTargets.cmake)\n")
install(FILES ${CMAKE_BINARY_DIR}/generated/headraceConfig.cmake ${CMAKE_BINARY_DIR}/generated/headraceConfigVersion.cmake DESTINATION ${package_dir})
