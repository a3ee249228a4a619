# Times one function of Math::Prime::Util over numbers that it is given, in a loop of its own.
#
# Arguments: the function, and what it takes after the number. Standard input: a line of numbers,
# then any number of lines "answers" (replied to with a line of 0s and 1s) or "seconds" (with the
# processor time of one round).
use strict;
use warnings;
use Math::Prime::Util;
use Math::Prime::Util::GMP;
use Scalar::Util qw(refaddr);
use Time::HiRes qw(clock_gettime CLOCK_PROCESS_CPUTIME_ID);

my ($function, @more) = @ARGV;
$function =~ /^[\w:]+$/ && !grep { !/^\d+$/ } @more or die "no such function: @ARGV\n";
$| = 1;

# As integers where they fit, so that no call has to read a string of digits.
my @numbers = map { length $_ < 20 || (length $_ == 20 && $_ le "18446744073709551615") ? 0 + $_ : $_ }
    split " ", <STDIN>;
my $call = join ", ", '$_', @more;
my $round = eval "sub { scalar grep { $function($call) } \@numbers }" or die $@;
my $empty = sub { scalar grep { refaddr($_) } @numbers };

sub seconds {
    my ($way) = @_;
    my $start = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
    $way->();
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $start;
}

# What Perl's loop and a call that does nothing cost is not held against the function.
my $overhead;
for (1 .. 5) {
    my $seconds = seconds($empty);
    $overhead = $seconds if !defined $overhead || $seconds < $overhead;
}

while (my $command = <STDIN>) {
    chomp $command;
    if ($command eq "answers") {
        my $test = eval "sub { join '', map { $function($call) ? 1 : 0 } \@numbers }" or die $@;
        print $test->(), "\n";
    } else {
        printf "%.9f\n", seconds($round) - $overhead;
    }
}
