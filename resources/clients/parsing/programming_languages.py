"""Names of programming languages by the names of files and by the first line of scripts."""

import re

_BY_SUFFIX = {
    suffix: language
    for language, suffixes in {
        "python": "py pyi pyx",
        "javascript": "js mjs cjs jsx",
        "typescript": "ts mts cts tsx",
        "java": "java",
        "kotlin": "kt kts",
        "scala": "scala sc",
        "groovy": "groovy gradle",
        "c": "c h",
        "c++": "cc cpp cxx hh hpp hxx ipp",
        "c#": "cs",
        "f#": "fs fsx",
        "go": "go",
        "rust": "rs",
        "swift": "swift",
        "objective-c": "m mm",
        "ruby": "rb rake",
        "php": "php",
        "perl": "pl pm",
        "lua": "lua",
        "r": "r",
        "julia": "jl",
        "dart": "dart",
        "elixir": "ex exs",
        "erlang": "erl hrl",
        "haskell": "hs",
        "ocaml": "ml mli",
        "clojure": "clj cljs cljc",
        "lisp": "lisp el",
        "scheme": "scm rkt",
        "zig": "zig",
        "nim": "nim",
        "solidity": "sol",
        "sql": "sql",
        "shell": "sh bash zsh fish",
        "powershell": "ps1 psm1",
        "terraform": "tf hcl",
        "protobuf": "proto",
        "graphql": "graphql gql",
        "css": "css scss less",
        "vue": "vue",
        "svelte": "svelte",
        "pascal": "pas",
        "fortran": "f90 f95 f03",
        "ada": "adb ads",
        "verilog": "v sv",
        "vhdl": "vhd vhdl",
        "cmake": "cmake",
        "nix": "nix",
        "starlark": "bzl star",
    }.items()
    for suffix in suffixes.split()
}
_BY_NAME = {
    "makefile": "make",
    "dockerfile": "docker",
    "cmakelists.txt": "cmake",
    "jenkinsfile": "groovy",
    "rakefile": "ruby",
    "gemfile": "ruby",
}
_SHEBANG = re.compile(rb"#!\s*\S*?(?:/env(?:\s+-S)?\s+)?([A-Za-z+]+)[\d.]*(?=\s|$)")
_BY_INTERPRETER = {
    "python": "python", "node": "javascript", "deno": "typescript", "bash": "shell", "sh": "shell", "zsh": "shell",
    "ruby": "ruby", "perl": "perl", "php": "php", "lua": "lua", "rscript": "r", "julia": "julia", "pwsh": "powershell",
}  # fmt: skip


def language_by_name(name: str) -> str | None:
    """Return the language that a file's name stands for."""
    last = name.rpartition("/")[2].casefold()
    return _BY_NAME.get(last) or (_BY_SUFFIX.get(last.rpartition(".")[2]) if "." in last else None)


def language_by_shebang(head: bytes) -> str | None:
    """Return the language of a script by its first line; an unknown interpreter is still a program's."""
    if not head.startswith(b"#!"):
        return None
    match = _SHEBANG.match(head.split(b"\n", 1)[0].rstrip())
    name = match.group(1).decode().rpartition("/")[2].casefold() if match else ""
    return _BY_INTERPRETER.get(name, name or "script")
