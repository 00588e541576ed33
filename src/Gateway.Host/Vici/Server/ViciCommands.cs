using Gateway.Host.Vici.Handlers;
using Gateway.Host.Vici.Views;
using Gateway.Host.Vici.Wire;

namespace Gateway.Host.Vici.Server;

/// <summary>Carries out one command for a client.</summary>
internal delegate Task<ViciSection> ViciHandler(ViciSection request, IViciClient client, CancellationToken stop);

/// <summary>Every command of the vici protocol that the gateway knows, one row each.</summary>
internal sealed class ViciCommands
{
    private readonly IViciFace _face;
    private readonly Dictionary<string, ViciHandler> _rows;

    public ViciCommands(IViciFace face, ILogger log, ReqIds reqIds)
    {
        _face = face;
        var door = new ViciDoor(face);
        var (status, lists, sas, connections, credentials, traps) =
            (new StatusCommands(face), new ListCommands(face, reqIds), new SaCommands(face, door), new ConnectionCommands(face, door, log), new CredentialCommands(face, door), new TrapCommands(face, door));
        var pools = new PoolCommands(face, door);
        _rows = new Dictionary<string, ViciHandler>
        {
            ["version"] = Now(status.Version),
            ["stats"] = Now(status.Stats),
            ["reload-settings"] = Now(_ => ViciAnswer.Done()),
            ["get-algorithms"] = Now(StatusCommands.Algorithms),
            ["get-counters"] = Now(status.Counters),
            ["reset-counters"] = Now(status.ResetCounters),
            ["list-sas"] = lists.SasAsync,
            ["list-policies"] = lists.PoliciesAsync,
            ["list-conns"] = lists.ConnectionsAsync,
            ["list-certs"] = lists.CertificatesAsync,
            ["list-authorities"] = lists.AuthoritiesAsync,
            ["initiate"] = sas.InitiateAsync,
            ["terminate"] = sas.TerminateAsync,
            ["rekey"] = sas.RekeyAsync,
            ["redirect"] = Now(_ => ViciAnswer.Failed("the gateway does not redirect IKE_SAs (RFC 5685)")),
            ["install"] = traps.InstallAsync,
            ["uninstall"] = traps.UninstallAsync,
            ["get-conns"] = Now(connections.Names),
            ["load-conn"] = connections.LoadAsync,
            ["unload-conn"] = connections.UnloadAsync,
            ["load-cert"] = credentials.LoadCertificateAsync,
            ["load-key"] = credentials.LoadKeyAsync,
            ["unload-key"] = credentials.UnloadKeyAsync,
            ["get-keys"] = Now(credentials.Keys),
            ["load-token"] = Now(_ => ViciAnswer.Failed("keys on tokens are not supported")),
            ["load-shared"] = credentials.LoadSharedAsync,
            ["unload-shared"] = credentials.UnloadSharedAsync,
            ["get-shared"] = Now(credentials.Shared),
            ["clear-creds"] = credentials.ClearAsync,
            ["flush-certs"] = credentials.FlushAsync,
            ["load-authority"] = credentials.LoadAuthorityAsync,
            ["unload-authority"] = credentials.UnloadAuthorityAsync,
            ["get-authorities"] = Now(credentials.Authorities),
            ["load-pool"] = pools.LoadAsync,
            ["unload-pool"] = pools.UnloadAsync,
            ["get-pools"] = Now(pools.List),
        };
    }

    /// <summary>Whether a client may follow events.</summary>
    public bool MayFollow(IViciClient client) => _face.RightsOf(client.Principal).Read;

    /// <summary>The names of all commands.</summary>
    public IReadOnlyCollection<string> Names => _rows.Keys;

    /// <summary>Carries a command out; null when there is none of that name.</summary>
    public async Task<ViciSection?> RunAsync(string name, ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (!_rows.TryGetValue(name, out var handler)) return null;
        // What changes something is judged where all commands are.
        if (IsReading(name) && !_face.RightsOf(client.Principal).Read) return ViciAnswer.Failed("you may not read here");
        return await handler(request, client, stop).ConfigureAwait(false);
    }

    private static bool IsReading(string name) => name.StartsWith("list-", StringComparison.Ordinal) || name.StartsWith("get-", StringComparison.Ordinal) || name == "stats";

    private static ViciHandler Now(Func<ViciSection, ViciSection> answer) => (request, _, _) => Task.FromResult(answer(request));
}
