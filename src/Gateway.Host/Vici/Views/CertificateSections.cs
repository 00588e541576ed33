using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Host.Vici.Handlers;
using Gateway.Host.Vici.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Host.Vici.Views;

/// <summary>Certificates and authorities in the form of the events <c>list-cert</c> and <c>list-authority</c>.</summary>
internal static class CertificateSections
{
    /// <summary>Null when the request asks for others.</summary>
    /// <param name="owned">Names of those whose private key the gateway has.</param>
    public static ViciSection? Of(Item item, ViciSection request, IReadOnlySet<string> owned)
    {
        var spec = Json(item);
        var type = (Text(spec, "type") ?? "x509") switch { "x509-crl" => "X509_CRL", "pubkey" => "PUBKEY", _ => "X509" };
        var flag = (Text(spec, "flag") ?? "none").ToUpperInvariant();
        if (Asked(request["type"], type) || (type == "X509" && Asked(request["flag"], flag))) return null;
        var data = Data(Text(spec, "data") ?? "");
        if (request["subject"] is { Length: > 0 } subject && SubjectOf(type, data) != subject) return null;
        var section = new ViciSection { { "type", type }, { "flag", flag }, { "data", data } };
        if (owned.Contains(item.Key.Name)) section.Add("has_privkey", true);
        return section;
    }

    public static ViciSection OfAuthority(Item item, RunningConfiguration running)
    {
        var spec = Json(item);
        var certificate = running.TryGetValue(new ItemKey(CredentialNames.CertificateKind, Text(spec, "cacert") ?? ""), out var found) ? SubjectOf("X509", Data(Text(Json(found), "data") ?? "")) : null;
        return new ViciSection { { "cacert", certificate ?? Text(spec, "cacert") }, { "crl_uris", Texts(spec, "crl_uris") }, { "ocsp_uris", Texts(spec, "ocsp_uris") } };
    }

    /// <summary>The subject of a certificate item, or its name where there is none.</summary>
    public static string NameOf(RunningConfiguration running, string item) =>
        running.TryGetValue(new ItemKey(CredentialNames.CertificateKind, item), out var found) && SubjectOf("X509", Data(Text(Json(found), "data") ?? "")) is { } subject ? subject : item;

    private static bool Asked(string? wanted, string has) => wanted is { Length: > 0 } && !wanted.Equals("ANY", StringComparison.OrdinalIgnoreCase) && !wanted.Equals(has, StringComparison.OrdinalIgnoreCase);

    private static string? SubjectOf(string type, byte[] data)
    {
        if (type != "X509") return null;
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificate(data);
            return certificate.SubjectName.Decode(X500DistinguishedNameFlags.UseCommas);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static byte[] Data(string text)
    {
        var base64 = PemEncoding.TryFind(text, out var pem) ? text[pem.Base64Data] : text;
        var der = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, der, out var length) ? der[..length] : [];
    }

    private static JsonObject Json(Item item) => (JsonObject)JsonSerializer.SerializeToNode(item.Spec, item.Spec.GetType(), PolicyJson.Options)!;

    private static string? Text(JsonObject spec, string key) => spec[key]?.GetValue<string>();

    private static IEnumerable<string> Texts(JsonObject spec, string key) => spec[key] is JsonArray list ? list.Select(v => v!.GetValue<string>()) : [];
}
