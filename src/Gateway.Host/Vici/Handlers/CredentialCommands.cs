using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Gateway.Host.Vici.Server;
using Gateway.Host.Vici.Wire;
using Gateway.Policy.Items;

namespace Gateway.Host.Vici.Handlers;

/// <summary>load-shared and its like: credentials as items, their values in the vault.</summary>
internal sealed class CredentialCommands(ViciDoor door)
{
    /// <summary>vici's types of shared secrets, and the item's.</summary>
    private static readonly Dictionary<string, string> _types = new(StringComparer.OrdinalIgnoreCase) { ["ike"] = "ike", ["eap"] = "eap", ["xauth"] = "eap", ["ntlm"] = "ntlm", ["ppk"] = "ppk" };

    public ViciSection Shared(ViciSection request) => new() { { "keys", Loaded().Select(i => i.Key.Name) } };

    public ViciSection Keys(ViciSection request) => new() { { "keys", (string[])[] } };

    public ViciSection Authorities(ViciSection request) => new() { { "authorities", (string[])[] } };

    public async Task<ViciSection> LoadSharedAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request["type"] is not { } word || !_types.TryGetValue(word, out var type)) return ViciAnswer.Failed($"invalid shared key type: {request["type"]}");
        if (request.Octets("data") is not { } data) return ViciAnswer.Failed("shared key data missing");
        var owners = request.Texts("owners");
        var spec = new JsonObject { ["type"] = type };
        // An owner of %any makes it anybody's, which here is said by naming nobody.
        if (owners.Count > 0 && !owners.Contains("%any")) spec["ids"] = new JsonArray([.. owners.Select(o => (JsonNode)o)]);
        spec["secret"] = "0x" + Convert.ToHexStringLower(data);
        var name = request["id"] is { Length: > 0 } id ? id : Unnamed(type, owners);
        return ViciAnswer.Of(await door.ChangeAsync(client, "load-shared", [ViciDoor.Put(ItemCatalog.Secret, name, spec)], [], stop).ConfigureAwait(false));
    }

    public async Task<ViciSection> UnloadSharedAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request["id"] is not { } id) return ViciAnswer.Failed("unique identifier missing");
        return ViciAnswer.Of(await door.DeleteAsync(client, "unload-shared", ItemCatalog.Secret, id, stop).ConfigureAwait(false));
    }

    public Task<ViciSection> LoadCertificateAsync(ViciSection request, IViciClient client, CancellationToken stop) => Task.FromResult(ViciAnswer.Failed("certificates are not supported"));

    public Task<ViciSection> LoadKeyAsync(ViciSection request, IViciClient client, CancellationToken stop) => Task.FromResult(ViciAnswer.Failed("private keys are not supported"));

    public Task<ViciSection> UnloadKeyAsync(ViciSection request, IViciClient client, CancellationToken stop) => Task.FromResult(ViciAnswer.Failed("there is no such key"));

    public Task<ViciSection> LoadAuthorityAsync(ViciSection request, IViciClient client, CancellationToken stop) => Task.FromResult(ViciAnswer.Failed("certification authorities are not supported"));

    public Task<ViciSection> UnloadAuthorityAsync(ViciSection request, IViciClient client, CancellationToken stop) => Task.FromResult(ViciAnswer.Failed("there is no such authority"));

    /// <summary>Takes all credentials away that were loaded over vici, in one transaction.</summary>
    public async Task<ViciSection> ClearAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        var gone = Loaded().Select(i => new Policy.Commands.ItemDeleteRequest(i.Key.Kind, i.Key.Name)).ToList();
        if (gone.Count == 0) return ViciAnswer.Done();
        return ViciAnswer.Of(await door.ChangeAsync(client, "clear-creds", [], gone, stop).ConfigureAwait(false));
    }

    /// <summary>Nothing that was fetched is kept yet.</summary>
    public Task<ViciSection> FlushAsync(ViciSection request, IViciClient client, CancellationToken stop) => Task.FromResult(ViciAnswer.Done());

    private IEnumerable<Item> Loaded() => door.Loaded(ItemCatalog.Secret);

    // A client that gives no id cannot unload the secret either; the next one for the same owners takes its place, as in strongSwan.
    private static string Unnamed(string type, IReadOnlyList<string> owners) =>
        $"{type}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', owners))).AsSpan(0, 8))}";
}
