"""Tests that run the commands in README.md and docs/.

A fenced block of the language `console` contains commands, on lines that begin with `$ `, and their output. Everything
after a line's `$ ` up to the next such line is that command's output, of which each line must appear in the real
output, in order; numbers may differ, and `…` stands for any text. The line above a block may be one of these comments:

- `<!-- not run: REASON -->`: the commands are only checked for names and options that don't exist.
- `<!-- background: TEXT -->`: the commands run until the page ends; the next block starts when TEXT appears.
- `<!-- fails: CODE -->`: each of the commands exits with this code.
- `<!-- file: NAME -->`, above a block of any language: the block is written to a file before the next commands run.
"""
