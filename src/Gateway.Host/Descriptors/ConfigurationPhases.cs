using Gateway.Dataplane.Esp;
using Gateway.Host.Control;
using Gateway.Host.Ike;
using Gateway.Host.Runtime;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Host.Descriptors;

/// <summary>
/// What belongs to a pass as a whole. Before its first step the security policies are those of the desired configuration, so that no port ever opens
/// and no route ever leads out before what must be protected is. After its last step the IKE engine gets the connections and secrets in force.
/// </summary>
/// <param name="protects">The configuration whose security policies are in force already.</param>
internal sealed class ConfigurationPhases(SaControl security, IkeDriver ike, ISecretVault vault, CompiledConnections compiled, PuntKeeper? punt, HeapTrim heap, RunningConfiguration protects) : IReconcilerPhases
{
    private static readonly string[] _kinds = [ItemCatalog.Connection, ItemCatalog.Secret, ItemCatalog.Certificate, ItemCatalog.Authority];

    private RunningConfiguration _protects = protects;
    private readonly CredentialLoader _credentials = new(vault);
    private List<Item> _loaded = [];
    private List<Item> _pools = [];

    public void BeforePass(RunningConfiguration desired)
    {
        if (ReferenceEquals(_protects, desired)) return;
        _protects = desired;
        security.SetPolicies(SecurityPolicies.Of(desired));
    }

    public void AfterPass(RunningConfiguration desired, AppliedState applied)
    {
        punt?.Update();
        LoadPools(desired, applied);
        ike.WaysChanged();
        var items = InForce(_kinds, desired, applied);
        if (Same(items, _loaded)) return;
        heap.Changed(Math.Abs(items.Count - _loaded.Count));
        _loaded = items;
        var connections = new List<Connection>();
        var secrets = new List<SharedSecret>();
        foreach (var item in items)
        {
            switch (item.Spec)
            {
                case ConnectionSpec when compiled.TryGet(item, out var connection, out _):
                    connections.Add(connection);
                    break;
                case SecretSpec { Type: SecretType.Ike } secret when vault.Holds(secret.Handle):
                    secrets.Add(new SharedSecret(CredentialLoader.Identities(secret.Ids), secret.Handle));
                    break;
            }
        }

        ike.Load(connections, secrets, _credentials.Load(items));
    }

    private void LoadPools(RunningConfiguration desired, AppliedState applied)
    {
        var pools = InForce([ItemCatalog.Pool], desired, applied);
        if (Same(pools, _pools)) return;
        _pools = pools;
        ike.LoadPools(PoolDescriptor.Compile(desired, applied));
    }

    private static List<Item> InForce(IEnumerable<string> kinds, RunningConfiguration desired, AppliedState applied) =>
        kinds.SelectMany(desired.OfKind).Where(i => applied.IsInForce(i.Key)).ToList();

    // An item that did not change is the same object.
    private static bool Same(List<Item> now, List<Item> before) => now.Count == before.Count && now.Zip(before).All(p => ReferenceEquals(p.First, p.Second));
}
