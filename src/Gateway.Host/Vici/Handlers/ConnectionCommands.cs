using System.Collections.Concurrent;
using Gateway.Host.Import;
using Gateway.Host.Vici.Server;
using Gateway.Host.Vici.Wire;
using Gateway.Policy.Commands;
using Gateway.Policy.Items;

namespace Gateway.Host.Vici.Handlers;

/// <summary>
/// load-conn, unload-conn, get-conns: one transaction per connection, with the policies that its passing and dropping children are.
/// </summary>
internal sealed class ConnectionCommands(IViciFace face, ViciDoor door, ILogger log)
{
    // Connections all of whose children pass or drop leave no connection item behind that would tell their names.
    private readonly ConcurrentDictionary<string, bool> _shuntsOnly = new();

    public ViciSection Names(ViciSection request) => new() { { "conns", door.Loaded(ItemCatalog.Connection).Select(i => i.Key.Name).Concat(_shuntsOnly.Keys).Distinct() } };

    public async Task<ViciSection> LoadAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request.Entries is not [ViciEntry.Section { Name: var name, Content: var content }]) return ViciAnswer.Failed("load-conn takes one section, named as the connection");
        var report = ConnectionReading.Read(name, content);
        if (report.Error is { } error) return ViciAnswer.Failed(error);
        if (report.Items.Count == 0 && report.NotCarriedOver.Any(l => l.Matters)) return ViciAnswer.Failed(Sentences(report));
        foreach (var lost in report.NotCarriedOver.Where(l => l.Matters)) ViciLog.NotCarriedOver(log, name, $"{lost.Path}: {lost.Sentence}");
        var policies = report.Items.Where(i => i.Kind == ItemCatalog.Policy).Select(i => i.Name).ToHashSet();
        var hasConnection = report.Items.Any(i => i.Kind == ItemCatalog.Connection);
        var gone = PoliciesOf(name).Where(p => !policies.Contains(p)).Select(p => new ItemDeleteRequest(ItemCatalog.Policy, p));
        if (!hasConnection && Has(name)) gone = gone.Append(new ItemDeleteRequest(ItemCatalog.Connection, name));
        // Certificates come with the connection as what their files hold; most have been loaded already.
        var certificates = Certificates(content).Where(c => !face.Running.ContainsKey(new ItemKey(c.Kind, c.Name)));
        var outcome = await door.ChangeAsync(client, Reason(report), [.. certificates, .. report.Items], gone, stop).ConfigureAwait(false);
        if (!ViciAnswer.Accepted(outcome)) return ViciAnswer.Of(outcome);
        if (hasConnection) _shuntsOnly.TryRemove(name, out _);
        else _shuntsOnly[name] = true;
        return ViciAnswer.Done();
    }

    public async Task<ViciSection> UnloadAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request["name"] is not { } name) return ViciAnswer.Failed("missing connection name");
        var gone = PoliciesOf(name).Select(p => new ItemDeleteRequest(ItemCatalog.Policy, p)).ToList();
        if (Has(name)) gone.Add(new ItemDeleteRequest(ItemCatalog.Connection, name));
        if (gone.Count == 0) return ViciAnswer.Failed($"no connection '{name}' found");
        var outcome = await door.ChangeAsync(client, "unload-conn", [], gone, stop).ConfigureAwait(false);
        if (ViciAnswer.Accepted(outcome)) _shuntsOnly.TryRemove(name, out _);
        return ViciAnswer.Of(outcome);
    }

    private bool Has(string connection) => face.Running.ContainsKey(new ItemKey(ItemCatalog.Connection, connection));

    // The policy of a child is named CONNECTION-CHILD; where the name of one connection begins like another's, the longer one has it.
    private IEnumerable<string> PoliciesOf(string connection)
    {
        var others = face.Running.OfKind(ItemCatalog.Connection).Select(i => i.Key.Name).Concat(_shuntsOnly.Keys)
            .Where(n => n.Length > connection.Length && n.StartsWith(connection + "-", StringComparison.Ordinal)).ToList();
        return door.Loaded(ItemCatalog.Policy).Select(i => i.Key.Name)
            .Where(p => p.StartsWith(connection + "-", StringComparison.Ordinal) && !others.Exists(o => p.StartsWith(o + "-", StringComparison.Ordinal)));
    }

    private static IEnumerable<ItemPutRequest> Certificates(ViciSection connection) => connection
        .SelectMany(e => e is ViciEntry.Section { Content: var round } ? round : [])
        .OfType<ViciEntry.List>()
        .SelectMany(list => list.Items.Where(CredentialNames.IsBlob).Select(item => CredentialNames.Certificate(
            list.Name == "pubkeys" ? "pubkey" : "x509", list.Name == "cacerts" ? "ca" : "none", item)))
        .DistinctBy(c => c.Name);

    // A reason is kept for ever and has its limits; what did not come over is the part of it that somebody may look for.
    private static string Reason(ImportReport report)
    {
        var lost = report.NotCarriedOver.Where(l => l.Matters).Select(l => l.Path).Distinct().ToList();
        var reason = lost.Count == 0 ? "load-conn" : "load-conn, without " + string.Join(", ", lost);
        return new string([.. reason.Where(c => !char.IsControl(c)).Take(512)]);
    }

    private static string Sentences(ImportReport report) => string.Join("; ", report.NotCarriedOver.Where(l => l.Matters).Select(l => $"{l.Path}: {l.Sentence}"));
}
