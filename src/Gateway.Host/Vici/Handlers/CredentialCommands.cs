using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Gateway.Host.Vici.Server;
using Gateway.Host.Vici.Wire;
using Gateway.Policy.Commands;
using Gateway.Policy.Items;

namespace Gateway.Host.Vici.Handlers;

/// <summary>load-shared, load-cert, load-key and their like: credentials as items, secret values in the vault.</summary>
internal sealed class CredentialCommands(IViciFace face, ViciDoor door)
{
    private const string PrivateKey = "private";

    /// <summary>vici's types of shared secrets, and the item's.</summary>
    private static readonly Dictionary<string, string> _types = new(StringComparer.OrdinalIgnoreCase) { ["ike"] = "ike", ["eap"] = "eap", ["xauth"] = "eap", ["ntlm"] = "ntlm", ["ppk"] = "ppk" };

    public ViciSection Shared(ViciSection request) => new() { { "keys", Secrets(keys: false) } };

    public ViciSection Keys(ViciSection request) => new() { { "keys", Secrets(keys: true) } };

    public ViciSection Authorities(ViciSection request) => new() { { "authorities", door.Loaded(CredentialNames.Authority).Select(i => i.Key.Name) } };

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

    public Task<ViciSection> UnloadSharedAsync(ViciSection request, IViciClient client, CancellationToken stop) => UnloadAsync(ItemCatalog.Secret, "id", "unload-shared", request, client, stop);

    /// <summary>The answer names the key, so that a client can tell which of <c>get-keys</c> it has not loaded again.</summary>
    public async Task<ViciSection> LoadKeyAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request.Octets("data") is not { } data) return ViciAnswer.Failed("private key data missing");
        var name = CredentialNames.OfBlob("key", data);
        var spec = new JsonObject { ["type"] = PrivateKey, ["secret"] = "0x" + Convert.ToHexStringLower(data) };
        var outcome = await door.ChangeAsync(client, "load-key", [ViciDoor.Put(ItemCatalog.Secret, name, spec)], [], stop).ConfigureAwait(false);
        return ViciAnswer.Accepted(outcome) ? new() { { "success", "yes" }, { "id", name } } : ViciAnswer.Of(outcome);
    }

    public Task<ViciSection> UnloadKeyAsync(ViciSection request, IViciClient client, CancellationToken stop) => UnloadAsync(ItemCatalog.Secret, "id", "unload-key", request, client, stop);

    public async Task<ViciSection> LoadCertificateAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request.Octets("data") is not { } data) return ViciAnswer.Failed("certificate data missing");
        var type = request["type"]?.ToUpperInvariant() switch { "X509" or null => "x509", "X509_CRL" => "x509-crl", "PUBKEY" => "pubkey", _ => null };
        if (type is null) return ViciAnswer.Failed($"invalid certificate type: {request["type"]}");
        var flag = request["flag"]?.ToUpperInvariant() switch { "NONE" or null => "none", "CA" => "ca", "OCSP" => "ocsp", _ => null };
        if (flag is null) return ViciAnswer.Failed($"invalid certificate flag: {request["flag"]}");
        return ViciAnswer.Of(await door.ChangeAsync(client, "load-cert", [CredentialNames.Certificate(type, flag, data)], [], stop).ConfigureAwait(false));
    }

    public async Task<ViciSection> LoadAuthorityAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request.Entries is not [ViciEntry.Section { Name: var name, Content: var content }]) return ViciAnswer.Failed("load-authority takes one section, named as the authority");
        if (content.Octets("cacert") is not { } cacert) return ViciAnswer.Failed("CA certificate missing");
        var certificate = CredentialNames.Certificate("x509", "ca", cacert);
        var spec = new JsonObject { ["cacert"] = certificate.Name };
        foreach (var key in (string[])["crl_uris", "ocsp_uris"])
            if (content.Texts(key) is { Count: > 0 } uris) spec[key] = new JsonArray([.. uris.Select(u => (JsonNode)u)]);
        if (content["cert_uri_base"] is not null) return ViciAnswer.Failed("cert_uri_base: certificates are not fetched by hash and URL");
        return ViciAnswer.Of(await door.ChangeAsync(client, "load-authority", [certificate, ViciDoor.Put(CredentialNames.Authority, name, spec)], [], stop).ConfigureAwait(false));
    }

    public Task<ViciSection> UnloadAuthorityAsync(ViciSection request, IViciClient client, CancellationToken stop) =>
        UnloadAsync(CredentialNames.Authority, "name", "unload-authority", request, client, stop);

    /// <summary>Takes all credentials away that were loaded over vici, in one transaction.</summary>
    public async Task<ViciSection> ClearAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        var gone = ((string[])[ItemCatalog.Secret, CredentialNames.CertificateKind]).SelectMany(door.Loaded).Select(i => new ItemDeleteRequest(i.Key.Kind, i.Key.Name)).ToList();
        if (gone.Count == 0) return ViciAnswer.Done();
        return ViciAnswer.Of(await door.ChangeAsync(client, "clear-creds", [], gone, stop).ConfigureAwait(false));
    }

    /// <summary>flush-certs: revocation lists and OCSP responses that were fetched are fetched again. Nothing else is kept that the configuration does not name.</summary>
    public Task<ViciSection> FlushAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request["type"] is null or "" or "ANY" or "any" or "X509_CRL" or "x509_crl" or "OCSP_RESPONSE" or "ocsp_response") face.ForgetRevocation();
        return Task.FromResult(ViciAnswer.Done());
    }

    private IEnumerable<string> Secrets(bool keys) => door.Loaded(ItemCatalog.Secret)
        .Where(i => i.Spec is SecretSpec secret && secret.Type.ToString().Equals(PrivateKey, StringComparison.OrdinalIgnoreCase) == keys).Select(i => i.Key.Name);

    private async Task<ViciSection> UnloadAsync(string kind, string member, string reason, ViciSection request, IViciClient client, CancellationToken stop) =>
        request[member] is { } name ? ViciAnswer.Of(await door.DeleteAsync(client, reason, kind, name, stop).ConfigureAwait(false)) : ViciAnswer.Failed($"{member} missing");

    // A client that gives no id cannot unload the secret either; the next one for the same owners takes its place, as in strongSwan.
    private static string Unnamed(string type, IReadOnlyList<string> owners) =>
        $"{type}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', owners))).AsSpan(0, 8))}";
}
