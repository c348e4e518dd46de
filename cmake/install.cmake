# bin/headrace, its shared libraries in lib/headrace (found from the program's own place), lib/libheadrace.so with include/headrace.h and the Python
# package for programs that score, licences of all that is shipped in share/licenses/headrace. In a wheel (pyproject.toml) the same tree is spread over
# the places that pip has for programs, for data beside them, and for the package.

if(NOT TARGET headrace)
  return()
endif()

if(SKBUILD)
  set(to_bin ${SKBUILD_SCRIPTS_DIR})
  set(to_data ${SKBUILD_DATA_DIR}/)
  set(to_library ${SKBUILD_PLATLIB_DIR}/headrace/lib)
else()
  set(to_bin bin)
  set(to_data "")
  set(to_library lib)
  install(FILES src/headrace/embed/headrace.h DESTINATION include)
  install(DIRECTORY python/headrace DESTINATION python FILES_MATCHING PATTERN "*.py")
endif()
install(TARGETS headrace RUNTIME DESTINATION ${to_bin})
set_target_properties(headrace_library PROPERTIES EXPORT_NAME c)
install(TARGETS headrace_library EXPORT headraceTargets LIBRARY DESTINATION ${to_library} INCLUDES DESTINATION include)
file(REAL_PATH ${HEADRACE_LIBDUCKDB} libduckdb_file)
install(FILES ${libduckdb_file} DESTINATION ${to_data}lib/headrace RENAME libduckdb.so)
install(FILES
  ${HEADRACE_UNPACKED}/adbc_postgresql/libadbc_driver_postgresql.so
  ${HEADRACE_UNPACKED}/adbc_sqlite/libadbc_driver_sqlite.so
  ${HEADRACE_UNPACKED}/lightgbm/lib_lightgbm.so
  ${HEADRACE_UNPACKED}/xgboost/libxgboost.so
  ${HEADRACE_UNPACKED}/xgboost/libgomp-e985bcbb.so.1.0.0
  DESTINATION ${to_data}lib/headrace)

# Shared libraries of Debian that a bare machine may lack: fmt and date have no archive, libgomp is LightGBM's.
foreach(target fmt::fmt date::date-tz)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL SHARED_LIBRARY)
    install(IMPORTED_RUNTIME_ARTIFACTS ${target} LIBRARY DESTINATION ${to_data}lib/headrace)
    if(SKBUILD)
      install(IMPORTED_RUNTIME_ARTIFACTS ${target} LIBRARY DESTINATION ${to_library}/headrace)
    endif()
  endif()
endforeach()
find_library(HEADRACE_LIBGOMP NAMES libgomp.so.1 REQUIRED)
file(REAL_PATH ${HEADRACE_LIBGOMP} libgomp_file)
install(FILES ${libgomp_file} DESTINATION ${to_data}lib/headrace RENAME libgomp.so.1)
if(SKBUILD)  # the package fits too, and finds what that takes beside its own library only
  install(FILES ${libgomp_file} DESTINATION ${to_library}/headrace RENAME libgomp.so.1)
  install(FILES ${HEADRACE_UNPACKED}/lightgbm/lib_lightgbm.so DESTINATION ${to_library}/headrace)
endif()

set(licenses ${to_data}share/licenses/headrace)
if(EXISTS ${CMAKE_SOURCE_DIR}/LICENSE)
  install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${licenses}/headrace)
endif()
foreach(package duckdb adbc adbc_postgresql adbc_sqlite lightgbm nanoarrow/flatcc)
  file(GLOB texts ${HEADRACE_UNPACKED}/${package}/LICENSE* ${HEADRACE_UNPACKED}/${package}/NOTICE*)
  get_filename_component(name ${package} NAME)
  install(FILES ${texts} DESTINATION ${licenses}/${name})
endforeach()
# nanoarrow's source package carries its licence in each file's head only, XGBoost's wheel names it only; both are Apache-2.0, the text of ADBC's.
install(FILES ${HEADRACE_UNPACKED}/adbc/LICENSE.txt DESTINATION ${licenses}/nanoarrow)
install(FILES ${HEADRACE_UNPACKED}/adbc/LICENSE.txt DESTINATION ${licenses}/xgboost)
foreach(package libcli11-dev libeigen3-dev libfmt-dev libgomp1 libhowardhinnant-date-dev liblbfgs-dev libsqlite3-dev libssl-dev libxxhash-dev
        libyaml-dev nlohmann-json3-dev zlib1g-dev)
  if(EXISTS /usr/share/doc/${package}/copyright)
    install(FILES /usr/share/doc/${package}/copyright DESTINATION ${licenses}/${package})
  endif()
endforeach()
