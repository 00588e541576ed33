using System.Globalization;
using System.Threading.Channels;
using Gateway.Host.Vici.Server;
using Gateway.Host.Vici.Views;
using Gateway.Host.Vici.Wire;
using Gateway.Ike.Engine;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Host.Vici.Handlers;

/// <summary>
/// initiate, terminate and rekey: SA commands like any other. The protocol's client waits for what comes of them, so facts are followed until the SA is up
/// or gone, and told as control-log events meanwhile.
/// </summary>
internal sealed class SaCommands(IViciFace face, ViciDoor door)
{
    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(50);

    /// <summary>So long nothing of the connection may be seen before its set-up counts as failed without a fact saying so (repeated failures are not all written down).</summary>
    private static readonly TimeSpan _silence = TimeSpan.FromSeconds(5);

    public async Task<ViciSection> InitiateAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        var filter = SaFilter.Of(request);
        if (filter.Child is null && filter.Ike is null) return ViciAnswer.Failed("missing configuration name");
        if (Find(filter) is not { } connection) return ViciAnswer.Failed(filter.Child is null ? $"IKE_SA config '{filter.Ike}' not found" : $"CHILD_SA config '{filter.Child}' not found");
        var name = new ConnectionName(connection.Key.Name);
        using var watch = new Watch(face);
        var outcome = await door.SaAsync(client, SaVerb.Initiate, name.Value, filter.Child, null, stop).ConfigureAwait(false);
        if (!ViciAnswer.Accepted(outcome)) return ViciAnswer.Of(outcome);
        var timeout = request.Number("timeout", 0);
        if (timeout < 0) return ViciAnswer.Done();
        var level = request.Number("loglevel", 1);
        var deadline = Deadline(timeout);
        var alive = DateTime.UtcNow;
        var told = false;
        string? failure = null;
        while (true)
        {
            while (watch.TryRead(out var fact))
            {
                if (FactWords.Of(fact) is not { } words || !Concerns(words, name)) continue;
                if (words.Level <= level) await ControlLogAsync(client, words, stop).ConfigureAwait(false);
                told |= IsUp(fact.Event, name, filter.Child);
                if (Failure(fact.Event, name, filter.Child) is { } why) failure = why;
            }

            var sas = face.IkeSas.Where(s => s.Connection == name).ToList();
            // A fact is stored before the dataplane carries packets; what the engine shows has been carried out.
            if (sas.Exists(s => IsUp(s, filter.Child)))
            {
                if (!told) await ControlLogAsync(client, new FactWords("CHD", 1, name, null, $"{What(filter, name)} is up"), stop).ConfigureAwait(false);
                return ViciAnswer.Done();
            }

            if (sas.Exists(s => s is { State: "CONNECTING", Initiator: true } or { State: "ESTABLISHED" or "REKEYING" })) alive = DateTime.UtcNow;
            // A further try of the same connection (keyingtries) goes on after a failure.
            if (failure is not null && (((ConnectionSpec)connection.Spec).Keyingtries == 1 || DateTime.UtcNow - alive > _look)) return ViciAnswer.Failed($"establishing {What(filter, name)} failed: {failure}");
            if (DateTime.UtcNow - alive > _silence) return ViciAnswer.Failed($"establishing {What(filter, name)} failed");
            if (DateTime.UtcNow >= deadline) return ViciAnswer.Failed($"{What(filter, name)} not established after {timeout.ToString(CultureInfo.InvariantCulture)}ms");
            await watch.WaitAsync(_look, stop).ConfigureAwait(false);
        }
    }

    public async Task<ViciSection> TerminateAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        var filter = SaFilter.Of(request);
        if (filter.IsEmpty) return ViciAnswer.Failed("missing terminate selector");
        using var watch = new Watch(face);
        var targets = Targets(filter);
        var (accepted, refusal) = await CommandAsync(client, SaVerb.Terminate, targets, stop).ConfigureAwait(false);
        if (targets.Count == 0) return Counted("no matching SAs to terminate found", 0, 0, "terminated");
        if (accepted == 0) return Counted(refusal!, targets.Count, 0, "terminated");
        var timeout = request.Number("timeout", 0);
        // With force the client does not want to wait for the peer's answer; without a timeout it waits for ever.
        if (timeout < 0 || request.IsYes("force")) return Counted(null, targets.Count, accepted, "terminated");
        var level = request.Number("loglevel", 1);
        var deadline = Deadline(timeout);
        while (true)
        {
            while (watch.TryRead(out var fact))
                if (FactWords.Of(fact) is { } words && targets.Any(t => Concerns(words, t.Connection)) && words.Level <= level)
                    await ControlLogAsync(client, words, stop).ConfigureAwait(false);
            var left = Targets(filter).Count(t => targets.Contains(t));
            if (left == 0) return Counted(null, targets.Count, accepted, "terminated");
            if (DateTime.UtcNow >= deadline) return Counted($"not terminated after {timeout.ToString(CultureInfo.InvariantCulture)}ms", targets.Count, targets.Count - left, "terminated");
            await watch.WaitAsync(_look, stop).ConfigureAwait(false);
        }
    }

    public async Task<ViciSection> RekeyAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        var filter = SaFilter.Of(request);
        if (filter.IsEmpty) return ViciAnswer.Failed("missing rekey selector");
        // vici: reauth concerns IKE SAs; of a child it means its IKE SA.
        var reauth = request.IsYes("reauth");
        var targets = reauth ? [.. face.IkeSas.Where(s => s.State is "ESTABLISHED" or "REKEYING" && filter.Takes(s) && (!filter.OfChildren || s.Children.Any(filter.Takes))).Select(s => new Target(s.Connection, null, s.Id.Value))] : Targets(filter);
        var (accepted, refusal) = await CommandAsync(client, SaVerb.Rekey, targets, stop, reauth).ConfigureAwait(false);
        return Counted(targets.Count == 0 ? "no matching SAs to rekey found" : accepted == 0 ? refusal : null, targets.Count, null, null);
    }

    private static string What(SaFilter filter, ConnectionName name) => filter.Child is { } child ? $"CHILD_SA '{child}'" : $"IKE_SA '{name}'";

    private static DateTime Deadline(long milliseconds) => milliseconds == 0 ? DateTime.MaxValue : DateTime.UtcNow.AddMilliseconds(milliseconds);

    private static ViciSection Counted(string? error, int matches, int? done, string? doneWord)
    {
        var answer = new ViciSection { { "success", error is null ? "yes" : "no" }, { "matches", matches } };
        if (doneWord is not null) answer.Add(doneWord, done ?? 0);
        answer.Add("errmsg", error);
        return answer;
    }

    private static bool Concerns(FactWords words, ConnectionName name) => words.Connection == name;

    private static bool IsUp(GatewayEvent e, ConnectionName name, string? child) => e switch
    {
        ChildSaInstalled installed => child is not null && installed.Parameters.Connection == name && installed.Parameters.Child.Value == child,
        IkeSaEstablished { Replaces: null } sa => child is null && sa.Connection == name,
        _ => false,
    };

    private static bool IsUp(IkeSaView sa, string? child) => child is null
        ? sa.State is "ESTABLISHED" or "REKEYING"
        : sa.Children.Any(c => c.Parameters.Child.Value == child && c.State == "INSTALLED");

    private static string? Failure(GatewayEvent e, ConnectionName name, string? child) => e switch
    {
        IkeSaFailed { Initiator: true } failed when failed.Connection == name => FactWords.Notify(failed.Reason),
        ChildSaFailed failed when failed.Connection == name && (failed.Child is null || failed.Child.Value.Value == child) => FactWords.Notify(failed.Reason),
        _ => null,
    };

    private static async Task ControlLogAsync(IViciClient client, FactWords words, CancellationToken stop)
    {
        var message = new ViciSection { { "group", words.Group }, { "level", words.Level } };
        message.Add("ikesa-name", words.Connection?.Value);
        message.Add("ikesa-uniqueid", words.Sa?.ToString());
        message.Add("msg", words.Text);
        await client.StreamAsync("control-log", message, stop).ConfigureAwait(false);
    }

    private Item? Find(SaFilter filter) => face.Running.OfKind(ItemCatalog.Connection)
        .Where(i => (filter.Ike ?? i.Key.Name) == i.Key.Name && (filter.Child is null || ((ConnectionSpec)i.Spec).Children.ContainsKey(filter.Child)))
        .MinBy(i => i.Key.Name, StringComparer.Ordinal);

    private List<Target> Targets(SaFilter filter)
    {
        var sas = face.IkeSas.Where(s => s.State is not ("DELETING" or "GONE" or "REKEYED") && filter.Takes(s));
        return filter.OfChildren
            ? [.. sas.SelectMany(s => s.Children.Where(c => c.State == "INSTALLED" && filter.Takes(c)).Select(c => new Target(s.Connection, c.Parameters.Child.Value, c.Parameters.Id.Value)))]
            : [.. sas.Select(s => new Target(s.Connection, null, s.Id.Value))];
    }

    private async Task<(int Accepted, string? Refusal)> CommandAsync(IViciClient client, SaVerb verb, List<Target> targets, CancellationToken stop, bool reauth = false)
    {
        var outcomes = await Task.WhenAll(targets.Select(t => door.SaAsync(client, verb, t.Connection.Value, t.Child, t.Number, stop, reauth))).ConfigureAwait(false);
        return (outcomes.Count(ViciAnswer.Accepted), outcomes.Where(o => !ViciAnswer.Accepted(o)).Select(ViciAnswer.Why).FirstOrDefault());
    }

    private sealed record Target(ConnectionName Connection, string? Child, ulong Number);

    /// <summary>The facts since it was made.</summary>
    private sealed class Watch : IDisposable
    {
        private readonly Channel<ViciFact> _facts = Channel.CreateBounded<ViciFact>(new BoundedChannelOptions(4096) { FullMode = BoundedChannelFullMode.DropOldest });
        private readonly IDisposable _following;

        public Watch(IViciFace face) => _following = face.Follow(fact => _facts.Writer.TryWrite(fact));

        public bool TryRead([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ViciFact? fact) => _facts.Reader.TryRead(out fact);

        /// <summary>Until there is one, but no longer than that.</summary>
        public async Task WaitAsync(TimeSpan atMost, CancellationToken stop)
        {
            using var timer = CancellationTokenSource.CreateLinkedTokenSource(stop);
            timer.CancelAfter(atMost);
            try
            {
                await _facts.Reader.WaitToReadAsync(timer.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // Nothing happened; look again.
            }
        }

        public void Dispose() => _following.Dispose();
    }
}
