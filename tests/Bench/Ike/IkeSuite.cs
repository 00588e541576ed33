using Gateway.Bench.Harness;
using Gateway.Bench.Lab;

namespace Gateway.Bench.Ike;

/// <summary>
/// The gateway as responder of IKE against a strongSwan as responder, in equal networks, by turns, with the same initiators. Responder and initiators
/// have a processor each. An operation is a whole set-up: IKE_SA_INIT, IKE_AUTH, one CHILD SA.
/// </summary>
internal sealed class IkeSuite : ISuite
{
    private const int _rounds = 7;
    private const int _warm = 30;
    private const int _atOnce = 10;

    public string Name => "ike";

    public bool Pinned => true;

    public void Run(Report report)
    {
        Needs.Ensure(withPeer: true);
        if (report.Wants("psk-x25519", 0)) SetUps(report, LoadProfile.Psk(), 300);
        if (report.Wants("rsa3072", 0)) SetUps(report, LoadProfile.Rsa3072(), 100);
        if (report.Wants("curve", 0) || report.Wants("memory", 0) || report.Wants("dpd", 0)) new Growth(report).Run();
        if (report.Wants("memory-at-rest", 0)) AtRest.Run(report);
        if (report.Wants("flood", Flood.Rate)) Flood.Run(report);
    }

    private static void SetUps(Report report, LoadProfile profile, int count)
    {
        using var ours = Responder.Gateway(profile, count);
        using var theirs = Responder.StrongSwan(profile, count);
        Responder[] both = [ours, theirs];
        // A just-in-time compiler and caches come to rest.
        foreach (var responder in both)
            for (var i = 0; i < _warm; i++) Round(responder, count);
        var (time, rate, latency) = (Table(), Table(), Table());
        for (var round = 0; round < _rounds; round++)
            for (var i = 0; i < both.Length; i++)
            {
                var who = (i + round) % both.Length;
                (time[who][round], rate[who][round]) = Round(both[who], count);
                latency[who][round] = both[who].Load.SetUp(0, Math.Min(count, 50), 1, TimeSpan.FromMinutes(1)).Median;
                both[who].Load.Clear();
            }

        var note = $"{count} set-ups a round, {_atOnce} at once";
        Add(report, profile.Name, 0, "us/set-up", time, moreIsBetter: false, "processor time of the responder, " + note);
        Add(report, profile.Name + "-rate", 0, "set-ups/s", rate, moreIsBetter: true, note);
        Add(report, profile.Name + "-latency", 0, "ms", latency, moreIsBetter: false, "first IKE_SA_INIT to the IKE_AUTH response, one after the other");
    }

    private static (double Microseconds, double Rate) Round(Responder responder, int count)
    {
        var before = responder.ProcessorTime();
        var run = responder.Load.SetUp(0, count, _atOnce, TimeSpan.FromMinutes(1));
        if (run.Done < count) throw new InvalidOperationException($"{responder.Name}: {run.Done} of {count} set-ups in a minute.");
        // What it does afterwards for them counts too.
        responder.Load.Serve(TimeSpan.FromMilliseconds(300));
        var used = responder.ProcessorTime() - before;
        responder.Load.Clear();
        responder.Load.Serve(TimeSpan.FromMilliseconds(300));
        return (used.TotalMicroseconds / count, run.Rate);
    }

    private static double[][] Table() => [new double[_rounds], new double[_rounds]];

    /// <summary>Adds samples of the gateway and of strongSwan.</summary>
    internal static void Add(Report report, string @case, int size, string unit, double[][] samples, bool moreIsBetter, string? note)
    {
        foreach (var s in samples) Array.Sort(s);
        var (ours, theirs) = (new Samples(Contest.Gateway, samples[0]), new Samples("strongswan", samples[1]));
        report.Add(new ResultLine("ike", @case, size, theirs.Contender, unit, ours.Median, ours.Min, ours.Max,
            moreIsBetter ? ours.Median / theirs.Median : theirs.Median / ours.Median, theirs.Median, theirs.Min, theirs.Max, note));
    }
}
