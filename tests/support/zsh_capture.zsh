# Prints what zsh offers for a command line, a word a line: completion runs in a terminal only, so this makes one.
#
#   COMPLETIONS=DIRECTORY zsh -f zsh_capture.zsh 'qwen3-asr --form'
zmodload zsh/zpty
zpty shell zsh -f -i
() {
  local line
  zpty -w shell source $1
  repeat 9; do zpty -r shell line; [[ $line == *ready* ]] && return; done
} =(cat <<'SETUP'
PROMPT= TERM=dumb
fpath=($COMPLETIONS $fpath)
autoload -U compinit
compinit -u -d $COMPLETIONS/dump
bindkey '^I' complete-word
finish() { echo -E - '<end>'; exit }
comppostfuncs=(finish)
# Every offer goes through this builtin; what it is told to store in an array is none.
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local word
  local -a found before hidden
  builtin compadd -A found "$@"
  zparseopts -E P:=before p:=hidden
  for word in $found; do echo -E - "<word>$IPREFIX${before[-P]}${hidden[-p]}$word</word>"; done
  builtin compadd "$@"
}
echo ready
SETUP
)
zpty -w shell "$1"$'\t'
while zpty -r shell line; do
  while [[ $line == *'<word>'*'</word>'* ]]; do
    line=${line#*<word>}
    print -r -- ${line%%</word>*}
    line=${line#*</word>}
  done
  [[ $line == *'<end>'* ]] && break
done
zpty -d shell
