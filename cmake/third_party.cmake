# Libraries. Debian's come by find_package or by name; the fetched ones (third_party/lock.json) lie unpacked in
# third_party/unpacked, put there by scripts/fetch.py.

# Debian's are linked statically where Debian has an archive: the program then runs on a machine without them, and its
# own SQLite and OpenSSL stay apart from the copies inside drivers that are loaded later.

set(HEADRACE_UNPACKED ${CMAKE_SOURCE_DIR}/third_party/unpacked CACHE PATH "where scripts/fetch.py unpacks")
if(SKBUILD AND NOT EXISTS ${HEADRACE_UNPACKED}/nanoarrow)  # `pip install .` is one command too
  execute_process(COMMAND python3 ${CMAKE_SOURCE_DIR}/scripts/fetch.py COMMAND_ERROR_IS_FATAL ANY)
endif()
if(NOT EXISTS ${HEADRACE_UNPACKED}/nanoarrow)
  message(FATAL_ERROR "nothing is unpacked in ${HEADRACE_UNPACKED}: run scripts/fetch.py first (make does)")
endif()
set(OPENSSL_USE_STATIC_LIBS ON)
set(ZLIB_USE_STATIC_LIBS ON)
find_library(SQLite3_LIBRARY NAMES libsqlite3.a sqlite3)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(date REQUIRED)
set_property(TARGET SQLite::SQLite3 APPEND PROPERTY INTERFACE_LINK_LIBRARIES m ${CMAKE_DL_LIBS} Threads::Threads)

foreach(library xxhash lbfgs yaml)
  find_library(HEADRACE_${library} NAMES lib${library}.a ${library} REQUIRED)
  add_library(${library} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${library} PROPERTIES IMPORTED_LOCATION ${HEADRACE_${library}} INTERFACE_LINK_LIBRARIES m)
endforeach()

# An installed library of the very version that the lock pins is preferred to the fetched one. Other versions are not
# taken: equal data must give equal bits on every machine.
find_package(DuckDB 1.5.5 EXACT CONFIG QUIET)
find_package(nanoarrow 0.9.0 EXACT CONFIG QUIET)
find_package(AdbcDriverManager 1.13.0 EXACT CONFIG QUIET)

# The shared libraries that are loaded when first used lie in (or are linked from) one folder, BUILD/lib.
set(HEADRACE_LIB_DIR ${CMAKE_BINARY_DIR}/lib)
set(HEADRACE_LIBDUCKDB ${HEADRACE_UNPACKED}/duckdb/libduckdb.so)
if(DuckDB_FOUND)
  get_target_property(HEADRACE_LIBDUCKDB duckdb LOCATION)
  message(STATUS "using the installed DuckDB ${DuckDB_VERSION}: ${HEADRACE_LIBDUCKDB}")
endif()
file(MAKE_DIRECTORY ${HEADRACE_LIB_DIR})
file(CREATE_LINK ${HEADRACE_LIBDUCKDB} ${HEADRACE_LIB_DIR}/libduckdb.so SYMBOLIC)
foreach(library adbc_postgresql/libadbc_driver_postgresql.so adbc_sqlite/libadbc_driver_sqlite.so lightgbm/lib_lightgbm.so
        xgboost/libxgboost.so xgboost/libgomp-e985bcbb.so.1.0.0)
  get_filename_component(file ${library} NAME)
  file(CREATE_LINK ${HEADRACE_UNPACKED}/${library} ${HEADRACE_LIB_DIR}/${file} SYMBOLIC)
endforeach()

if(TARGET nanoarrow::nanoarrow_static AND TARGET nanoarrow::nanoarrow_ipc_static)
  message(STATUS "using the installed nanoarrow ${nanoarrow_VERSION}")
  add_library(nanoarrow ALIAS nanoarrow::nanoarrow_static)
  add_library(nanoarrow_ipc ALIAS nanoarrow::nanoarrow_ipc_static)
else()
  set(nanoarrow_dir ${HEADRACE_UNPACKED}/nanoarrow/src)
  add_library(nanoarrow STATIC
    ${nanoarrow_dir}/nanoarrow/common/array.c ${nanoarrow_dir}/nanoarrow/common/array_stream.c
    ${nanoarrow_dir}/nanoarrow/common/schema.c ${nanoarrow_dir}/nanoarrow/common/utils.c)
  file(WRITE ${CMAKE_BINARY_DIR}/generated/nanoarrow/nanoarrow_config.h.new
"#ifndef NANOARROW_CONFIG_H_INCLUDED
#define NANOARROW_CONFIG_H_INCLUDED
#define NANOARROW_VERSION_MAJOR 0
#define NANOARROW_VERSION_MINOR 9
#define NANOARROW_VERSION_PATCH 0
#define NANOARROW_VERSION \"0.9.0\"
#define NANOARROW_VERSION_INT (0 * 10000 + 9 * 100 + 0)
#endif
")
  configure_file(${CMAKE_BINARY_DIR}/generated/nanoarrow/nanoarrow_config.h.new
                 ${CMAKE_BINARY_DIR}/generated/nanoarrow/nanoarrow_config.h COPYONLY)
  target_include_directories(nanoarrow SYSTEM PUBLIC ${nanoarrow_dir} ${CMAKE_BINARY_DIR}/generated)

  set(flatcc_dir ${HEADRACE_UNPACKED}/nanoarrow/flatcc)
  add_library(nanoarrow_ipc STATIC
    ${nanoarrow_dir}/nanoarrow/ipc/codecs.c ${nanoarrow_dir}/nanoarrow/ipc/decoder.c
    ${nanoarrow_dir}/nanoarrow/ipc/encoder.c ${nanoarrow_dir}/nanoarrow/ipc/reader.c
    ${nanoarrow_dir}/nanoarrow/ipc/writer.c
    ${flatcc_dir}/src/runtime/builder.c ${flatcc_dir}/src/runtime/emitter.c
    ${flatcc_dir}/src/runtime/refmap.c ${flatcc_dir}/src/runtime/verifier.c)
  target_include_directories(nanoarrow_ipc SYSTEM PUBLIC ${flatcc_dir}/include)
  target_link_libraries(nanoarrow_ipc PUBLIC nanoarrow)
  set_target_properties(nanoarrow nanoarrow_ipc PROPERTIES COMPILE_OPTIONS "-w")
endif()

if(TARGET AdbcDriverManager::adbc_driver_manager_static)
  message(STATUS "using the installed ADBC driver manager ${AdbcDriverManager_VERSION}")
  add_library(adbc ALIAS AdbcDriverManager::adbc_driver_manager_static)
else()
  add_library(adbc STATIC
    ${HEADRACE_UNPACKED}/adbc/adbc_driver_manager.cc ${HEADRACE_UNPACKED}/adbc/adbc_driver_manager_api.cc
    ${HEADRACE_UNPACKED}/adbc/adbc_driver_manager_driver_loading.cc
    ${HEADRACE_UNPACKED}/adbc/adbc_driver_manager_profiles.cc)
  target_include_directories(adbc SYSTEM PUBLIC ${HEADRACE_UNPACKED}/adbc PRIVATE ${HEADRACE_UNPACKED}/adbc/toml++)
  target_link_libraries(adbc PUBLIC ${CMAKE_DL_LIBS})
  set_target_properties(adbc PROPERTIES COMPILE_OPTIONS "-w")
endif()

# libpq's header only: the library is loaded when first used.
find_path(HEADRACE_LIBPQ_INCLUDE libpq-fe.h PATH_SUFFIXES postgresql REQUIRED)
add_library(libpq_headers INTERFACE)
target_include_directories(libpq_headers SYSTEM INTERFACE ${HEADRACE_LIBPQ_INCLUDE})

# libcurl's too.
find_path(HEADRACE_LIBCURL_INCLUDE curl/curl.h REQUIRED)
add_library(libcurl_headers INTERFACE)
target_include_directories(libcurl_headers SYSTEM INTERFACE ${HEADRACE_LIBCURL_INCLUDE})

add_library(lightgbm_headers INTERFACE)
target_include_directories(lightgbm_headers SYSTEM INTERFACE ${HEADRACE_UNPACKED}/lightgbm/include)
