using Gateway.Bench.Harness;
using Gateway.Bench.Lab;

namespace Gateway.Bench.Tunnel;

/// <summary>
/// Through the box: two gateways against two strongSwans (ESP in user space, kernel-libipsec) in equal networks, by turns, AES-128-GCM.
/// All run on the same processors as the hosts that send and receive, so the ratios count, not the figures.
/// </summary>
internal sealed class TunnelSuite : ISuite
{
    private const int _size = 1400;
    private const int _rounds = 5;

    /// <summary>Share of the highest lossless rate at which processor time is taken: near it, so that each works as it does under load, and below it, so that nothing is lost.</summary>
    private const double _load = 0.8;

    private const double _toleratedLoss = 0.001;

    public string Name => "tunnel";

    public bool Pinned => false;

    public void Run(Report report)
    {
        Needs.Ensure(withPeer: true);
        using var ours = TunnelPair.OfGateways(_size);
        using var theirs = TunnelPair.OfStrongSwans(_size);
        TunnelPair[] pairs = [ours, theirs];
        if (report.Wants("tcp", _size)) Compare(report, "tcp", "Gbit/s", pairs, p => p.Tcp(2), moreIsBetter: true);
        Dictionary<string, double> guesses = pairs.ToDictionary(p => p.Name, _ => 20_000.0);
        if (report.Wants("udp", _size))
        {
            Compare(report, "udp", "packets/s", pairs, p => guesses[p.Name] = HighestRate(p.Udp, guesses[p.Name]), moreIsBetter: true);
        }

        if (report.Wants("udp-cpu", _size))
        {
            if (!report.Wants("udp", _size)) foreach (var pair in pairs) guesses[pair.Name] = HighestRate(pair.Udp, guesses[pair.Name]);
            Dictionary<string, double> rates = guesses.ToDictionary(g => g.Key, g => g.Value * _load), losses = pairs.ToDictionary(p => p.Name, _ => 0.0);
            Compare(report, "udp-cpu", "us/packet", pairs, p => TimePerPacket(p, rates[p.Name], losses), moreIsBetter: false,
                () => $"{string.Join(", ", rates.Select(r => $"{r.Key} at {r.Value:0} packets/s, worst loss {losses[r.Key]:P2}"))}");
        }
    }

    private static void Compare(Report report, string @case, string unit, TunnelPair[] pairs, Func<TunnelPair, double> measure, bool moreIsBetter, Func<string>? note = null)
    {
        var samples = pairs.Select(_ => new double[_rounds]).ToArray();
        foreach (var pair in pairs) measure(pair);
        for (var round = 0; round < _rounds; round++)
            for (var i = 0; i < pairs.Length; i++)
            {
                // Who is first alternates too.
                var who = (i + round) % pairs.Length;
                samples[who][round] = measure(pairs[who]);
            }
        foreach (var s in samples) Array.Sort(s);
        var (ours, theirs) = (new Samples(pairs[0].Name, samples[0]), new Samples(pairs[1].Name, samples[1]));
        var ratio = moreIsBetter ? ours.Median / theirs.Median : theirs.Median / ours.Median;
        report.Add(new ResultLine("tunnel", @case, _size, theirs.Contender, unit, ours.Median, ours.Min, ours.Max, ratio, theirs.Median, theirs.Min, theirs.Max, note?.Invoke()));
    }

    /// <summary>The highest rate at which no more than the tolerated share is lost, to within a tenth.</summary>
    private static double HighestRate(UdpPath path, double guess)
    {
        var (good, bad, rate) = (0.0, double.PositiveInfinity, guess);
        for (var trials = 0; trials < 8; trials++)
        {
            var sent = Carried(path, rate);
            good = Math.Max(good, sent);
            if (sent == 0) bad = rate;
            else if (sent < rate * 0.9) break; // More cannot be sent from here.
            if (bad <= good * 1.1) break;
            rate = double.IsInfinity(bad) ? good * 1.4 : good == 0 ? bad / 1.6 : Math.Sqrt(good * bad);
        }

        return good > 0 ? good : rate;
    }

    /// <summary>The rate really sent, or 0 when too much was lost, twice: a moment's disturbance from elsewhere does not count.</summary>
    private static double Carried(UdpPath path, double rate)
    {
        for (var tries = 0; tries < 2; tries++)
            if (path.Send(rate, TimeSpan.FromSeconds(0.5)) is { Loss: <= _toleratedLoss } trial) return trial.Rate;
        return 0;
    }

    /// <summary>Microseconds of processor time per delivered packet and gateway: one encrypts it, one decrypts it.</summary>
    private static double TimePerPacket(TunnelPair pair, double rate, Dictionary<string, double> losses)
    {
        var before = pair.ProcessorTime();
        var trial = pair.Udp.Send(rate, TimeSpan.FromSeconds(2));
        var used = pair.ProcessorTime() - before;
        losses[pair.Name] = Math.Max(losses[pair.Name], trial.Loss);
        return used.TotalMicroseconds / 2 / Math.Max(1, trial.Received);
    }
}
