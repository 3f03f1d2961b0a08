#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Mail::SPF as an oracle: cases come on standard input, a line each command,
# with percent-encoded words between tabs:
#
#	new				forget all that came before
#	record NAME TYPE DATA...	MX: preference and name
#	fault NAME			SERVFAIL for types without records
#	syntax TEXT ERROR ERROR		what the grammar says about a text,
#					as a record and as an explanation
#	check CLIENT HELO SENDER REPAIR,...
#
# Each check is answered by a line: result and explanation.  A repair, named
# as its class in disagreements.txt, changes one thing in Mail::SPF.

use strict;
use warnings;
no warnings 'redefine';

use Mail::SPF;
use Mail::SPF::Mech::A;
use Mail::SPF::Mech::All;
use Mail::SPF::Mech::Exists;
use Mail::SPF::Mech::IP4;
use Mail::SPF::Mech::IP6;
use Mail::SPF::Mech::Include;
use Mail::SPF::Mech::MX;
use Mail::SPF::Mech::PTR;
use Mail::SPF::Mod::Exp;
use Mail::SPF::Mod::Redirect;
use Mail::SPF::v1::Record;
use Error ':try';

my $receiver = shift;
my (%zone, %fault, %syntax, %repair);

# The DNS

{
	package Answer;
	sub answer { @{$_[0]{records}} }
	sub header { $_[0] }
	sub rcode { $_[0]{rcode} }

	package Record;
	sub type { $_[0]{type} }
	sub address { $_[0]{data}[0] }
	sub preference { $_[0]{data}[0] }
	sub exchange { $_[0]{data}[1] =~ s/\.$//r }
	sub ptrdname { $_[0]{data}[0] =~ s/\.$//r }
	sub char_str_list { @{$_[0]{data}} }

	package Resolver;
	sub errorstring { '' }
	sub send {
		my ($self, $name, $type) = @_;
		return bless $self->find("$name", $type), 'Answer';
	}

	# What a resolver answers: the aliases on the way, too.
	sub find {
		my ($self, $name, $type) = @_;
		my @records;

		for (1 .. 12) {
			$name =~ tr/A-Z/a-z/;
			$name =~ s/\.$//;
			my $rows = $zone{$name} // {};
			if ($rows->{$type}) {
				push @records, @{$rows->{$type}};
				return { rcode => 'NOERROR',
				    records => \@records };
			}
			last if $fault{$name};
			if (!$rows->{CNAME}) {
				@records = () if $repair{'alias-answer'};
				return { rcode => 'NXDOMAIN',
				    records => \@records };
			}
			push @records, $rows->{CNAME}[0]
			    unless $repair{'alias-answer'};
			$name = $rows->{CNAME}[0]{data}[0];
		}
		return { rcode => 'SERVFAIL', records => [] };
	}
}

# Repairs: what is wrapped steps aside unless a repair is wanted.

sub wrap
{
	my ($method, $new) = @_;
	no strict 'refs';
	my $old = \&{"Mail::SPF::$method"};
	*{"Mail::SPF::$method"} = sub { $new->($old, @_) };
}

# Records

my %class_of = (length => 'length', octets => 'octets', macro => 'macro-syntax',
    term => 'term-syntax', twice => 'term-syntax');

wrap('Record::parse', sub {
	my ($old, $self) = @_;
	my $text = $self->text;

	throw Mail::SPF::EInvalidRecordVersion('not a record')
	    if $repair{'version-newline'} && $text =~ /^v=spf1\n\z/i;
	my $error = $text =~ /^v=spf1(?: |\z)/i ? $syntax{$text}[0] : '';
	throw Mail::SPF::ESyntaxError($error)
	    if $error && $repair{$class_of{$error}};
	$self->{parse_text} =~ s/(%%|%[_-]|%\{\w\d*)(R?)/$1\l$2/g
	    if $repair{'capital-r'};
	return $old->($self);
});

wrap('Term::parse_domain_spec', sub {
	my ($old, $self, $required) = @_;
	my $before = $self->{parse_text};

	$old->($self, $required);
	return unless $repair{'lower-cased'} && $self->{domain_spec};
	my $spec = substr($before, 0,
	    length($before) - length($self->{parse_text})) =~ s/\.$//r;
	$self->{domain_spec} = Mail::SPF::MacroString->new(text => $spec);
});

wrap('Mod::Redirect::process', sub {
	my ($old, $self, $server, $request, $result) = @_;

	return if $repair{'redirect-count'} &&
	    !$result->isa('Mail::SPF::Result::NeutralByDefault');
	$old->($self, $server, $request, $result);
});

wrap('Mech::IP6::match', sub {
	my ($old, $self, $server, $request) = @_;

	return 0 if $repair{'ip6-mapped'} &&
	    $request->ip_address->version == 4;
	return $old->($self, $server, $request);
});

# Macros

# The value of a macro letter in parts, all of them.
sub parts
{
	my ($value, $digits, $reverse, $delimiters) = @_;
	my $set = $delimiters eq '' ? '.' : $delimiters;
	my @parts = split /[\Q$set\E]/, $value, -1;

	@parts = reverse @parts if $reverse;
	splice @parts, 0, @parts - $digits if $digits && @parts > $digits;
	return join '.', @parts;
}

wrap('MacroString::expand', sub {
	my ($old, $self, @context) = @_;
	my ($server, $request) = @context ? @context :
	    @$self{'server', 'request'};

	my $bare = sub {
		my $macro = Mail::SPF::MacroString->new(text => "%{$_[0]}",
		    is_explanation => $self->{is_explanation});
		return $old->($macro, $server, $request);
	};
	my $macro = sub {
		my ($all, $letter, $digits, $reverse, $delimiters) = @_;
		my $only = $digits eq '' && $reverse eq '' &&
		    $delimiters ne '';
		my $none = $repair{'no-helo'} && lc $letter eq 'h' &&
		    ($request->helo_identity // '') eq '';
		return '' if $none;
		my $nibbles = $repair{nibbles} && lc $letter eq 'i' &&
		    $request->ip_address->version == 6;
		return $all if $digits =~ /^0+$/ || !$nibbles && (
		    $digits . $reverse . $delimiters eq '' ||
		    !$repair{$only ? 'delimiters' : 'trailing-parts'} ||
		    ($reverse eq 'R' && !$repair{'capital-r'}));
		my $value = $bare->(lc $letter);
		$value = parts($nibbles ? uc $value : $value, $digits,
		    $reverse, $delimiters);
		$value = URI::Escape::uri_escape($value, '^A-Za-z0-9\-._~')
		    if $letter ne lc $letter;
		return $value =~ s/%/%%/gr;
	};
	local $self->{text} = $self->{text};
	$self->{text} =~ s/(%%|%_|%-)|
	    (%\{([slodiphcrtv])(\d*)(r?)([-.+,\/_=]*)\})
	    /$1 || $macro->($2, $3, $4, $5, $6)/gixe if $request;
	return $old->($self, @context);
});

# Names

# The name that the DNS is asked for; '..' if it is none.
sub name
{
	my ($domain) = @_;

	if (ref $domain) {
		my $local = $domain->{request}->localpart;
		my $text = $domain->text;
		return '..' if $repair{'local-not-ascii'} &&
		    $local =~ /[^\x00-\x7f]/ && $text =~ /%\{[sl]/i;
		$domain = $domain->expand;
	}
	return $domain unless $repair{names};
	$domain =~ s/\.$//;
	1 while length $domain > 253 && $domain =~ s/^[^.]*\.//;
	return '..' if length $domain > 253 || $domain eq '' ||
	    grep { $_ eq '' || length > 63 } split /\./, $domain, -1;
	return $domain;
}

wrap('Request::new', sub {
	my ($old, @arguments) = @_;

	my $self = $old->(@arguments);
	($self->{domain}) = $self->{identity} =~ /.*\@(.*?)\.?$/s
	    if $repair{'lower-cased'};
	return $self;
});

wrap('Request::new_sub_request', sub {
	my ($old, $self, %options) = @_;

	$options{authority_domain} = name($options{authority_domain})
	    if $repair{names};
	return $old->($self, %options);
});

# An address literal is one where it is the sender's.
sub is_domain
{
	my ($request) = @_;
	my $domain = name($request->authority_domain);

	return $domain =~ /^[\x00-\x7f]+\.[\x00-\x7f]+$/ &&
	    ($request->super_request || $domain !~ /^\[/);
}

wrap('Server::select_record', sub {
	my ($old, $self, $request) = @_;

	throw Mail::SPF::ENoAcceptableRecord('not a domain')
	    if $repair{'not-a-domain'} && !is_domain($request);
	return $old->($self, $request);
});

# Lookups

my $last_type = '';		# of a lookup
my $last_name = '';
our $is_host = 0;		# of an mx mechanism
our $of_ptr = '';		# 'p': of the macro

wrap('Server::dns_lookup', sub {
	my ($old, $self, $domain, $type) = @_;

	$last_type = $type;
	$domain = name($domain) if $repair{names} ||
	    $repair{'local-not-ascii'};
	$last_name = "$domain";
	my $packet = $old->($self, $domain, $type);
	return $packet unless $type eq 'MX';
	my @mx = $packet->answer;
	throw Mail::SPF::EProcessingLimitExceeded('MX')
	    if $repair{'mx-limit'} && grep({ $_->type eq 'MX' } @mx) > 10;
	@{$packet->{records}} = sort { $a->preference <=> $b->preference } @mx
	    if $repair{'mx-order'} && !grep { $_->type ne 'MX' } @mx;
	return $packet;
});

wrap('Server::count_void_dns_lookup', sub {
	my ($old, $self, $request) = @_;

	return if $last_name eq '..';
	return if $repair{'host-voids'} && ($is_host || $of_ptr eq 'p' ||
	    ($of_ptr && $last_type ne 'PTR'));
	$old->($self, $request);
});

wrap('Mech::match_in_domain', sub {
	my ($old, $self, $server, $request, $domain) = @_;

	local $is_host = defined $domain;
	return $old->($self, $server, $request, $domain);
});

wrap('Util::valid_domain_for_ip_address', sub {
	my ($old, $self, @arguments) = @_;

	local $of_ptr = $arguments[5] ? 'p' : 'ptr';
	if ($repair{names} || $repair{'local-not-ascii'}) {
		$arguments[3] = name($arguments[3]);
		return undef if $arguments[3] eq '..';
	}
	return $old->($self, @arguments);
});

wrap('Mech::PTR::match', sub {
	my ($old, $self, @arguments) = @_;

	my $match = eval { $old->($self, @arguments) };
	return $match unless $@;
	die $@ unless $repair{'ptr-errors'} &&
	    UNIVERSAL::isa($@, 'Mail::SPF::EDNSError');
	return 0;
});

# Explanations

wrap('Mod::Exp::process', sub {
	my ($old, $self, $server, $request, $result) = @_;

	if ($repair{'explanation-late'}) {
		return unless $result->isa('Mail::SPF::Result::Fail');
		eval { $old->($self, $server, $request, $result) };
	} else {
		$old->($self, $server, $request, $result);
	}
	my $found = $request->state('authority_explanation');
	$request->state('authority_explanation', undef)
	    if $repair{'explanation-syntax'} && defined $found &&
	    $syntax{$found->text}[1];
});

# Commands

sub check
{
	my ($client, $helo, $sender) = @_;
	my $identity = $sender eq '' ? "postmaster\@$helo" : $sender;

	substr($identity, 0, 0) = 'postmaster'
	    if $repair{'no-local-part'} && $identity =~ /^\@[^@]*$/;
	$identity =~ s/\.$// if $repair{'trailing-dot'};
	my $server = Mail::SPF::Server->new(
	    hostname => $receiver,
	    dns_resolver => bless({}, 'Resolver'),
	    default_authority_explanation => '');
	my $request = Mail::SPF::Request->new(
	    scope => 'mfrom', versions => [1], identity => $identity,
	    helo_identity => $helo, ip_address => $client);
	my $result = $server->process($request);
	return ($result->code, '') unless $result->code eq 'fail';
	my $text = $result->authority_explanation;
	$text = length $text <= 4095 ? substr $text, 0, 1023 : ''
	    if $repair{'explanation-length'};
	$text = '' if $repair{'explanation-octets'} && $text =~ /[^ -~]/;
	return ('fail', $text);
}

sub safe_check
{
	local $SIG{ALRM} = sub { die "does not end\n" };
	local $SIG{__WARN__} = sub { };
	my @answer;

	alarm 2;
	eval { @answer = check(@_) };
	@answer = ('crash', ref $@ ? $@->text // ref $@ : $@) if $@;
	alarm 0;
	return @answer;
}

my %commands = (
	new => sub { %zone = %fault = %syntax = () },
	record => sub {
		my ($name, $type, @data) = @_;	# TXT: strings
		push @{$zone{$name}{$type}},
		    bless { type => $type, data => \@data }, 'Record';
	},
	fault => sub { $fault{$_[0]} = 1 },
	syntax => sub { my $text = shift; $syntax{$text} = [@_] },
	check => sub {
		%repair = map { $_ => 1 } split /,/, pop;
		my @answer = safe_check(@_);
		s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge for @answer;
		print join("\t", @answer), "\n";
	},
);

$| = 1;
while (my $line = <STDIN>) {
	chomp $line;
	my ($command, @words) = map {
		s/%([0-9A-Fa-f]{2})/chr hex $1/ger } split /\t/, $line, -1;
	$commands{$command}->(@words);
}
