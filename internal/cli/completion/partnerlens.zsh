#compdef partnerlens
# source <(partnerlens completion zsh), after compinit
_partnerlens() {
	local line
	local -a found
	for line in "${(@f)$("${(Q)words[1]/#\~/$HOME}" complete-words "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
		[[ -n $line ]] && found+=("${${line//:/\\:}/$'\t'/:}")
	done
	if (( $#found )); then
		_describe 'partnerlens' found
	else
		_files
	fi
}
if [[ $funcstack[1] == _partnerlens ]]; then
	_partnerlens "$@"
else
	compdef _partnerlens partnerlens
fi
