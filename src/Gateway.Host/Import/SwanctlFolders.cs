using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Gateway.Crypto.Signatures;
using Gateway.Host.Control;
using Gateway.Ike.Certificates;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Rules;

namespace Gateway.Host.Import;

/// <summary>Reads what lies in the folders beside swanctl.conf: certificates, revocation lists, public and private keys. An item is named after its file, with the folder before it.</summary>
/// <param name="root">Where the folders lie; null = there are none, and what settings name are items.</param>
internal sealed class SwanctlFolders(string? root, Action<string, bool, string> lose)
{
    private const int MaxLength = 8 * 1024 * 1024;

    private static readonly (string Folder, CertificateType Type, CertificateFlag Flag)[] _certificates =
    [
        ("x509", CertificateType.X509, CertificateFlag.None),
        ("x509ca", CertificateType.X509, CertificateFlag.Ca),
        ("x509ocsp", CertificateType.X509, CertificateFlag.Ocsp),
        ("x509crl", CertificateType.X509Crl, CertificateFlag.None),
        ("pubkey", CertificateType.Pubkey, CertificateFlag.None),
    ];

    private static readonly string[] _keys = ["private", "rsa", "ecdsa", "pkcs8"];

    // What strongSwan reads and the gateway does not.
    private static readonly (string Folder, string Content)[] _others =
        [("x509aa", "attribute authorities"), ("x509ac", "attribute certificates"), ("bliss", "BLISS private keys")];

    /// <summary>Items that were read, by name.</summary>
    public Dictionary<string, (string Kind, JsonObject Spec)> Items { get; } = [];

    /// <param name="passphrase">Of a file with a private key or a container; null when none is configured.</param>
    public void Read(Func<string, string?> passphrase)
    {
        foreach (var (folder, type, flag) in _certificates)
            foreach (var file in Files(folder)) ReadCertificate($"{folder}/{Path.GetFileName(file)}", file, type, flag);
        foreach (var folder in _keys)
            foreach (var file in Files(folder)) ReadKey($"{folder}/{Path.GetFileName(file)}", file, passphrase(Path.GetFileName(file)));
        foreach (var file in Files("pkcs12")) ReadContainer($"pkcs12/{Path.GetFileName(file)}", file, passphrase(Path.GetFileName(file)));
        foreach (var (folder, content) in _others)
            foreach (var file in Files(folder)) lose($"{folder}/{Path.GetFileName(file)}", true, $"{content} are not carried over");
    }

    /// <summary>The item of a file that a setting names, read now when it lies elsewhere; null when it cannot be.</summary>
    public string? Find(string folder, string file)
    {
        if (root is null) return file;
        var row = Array.Find(_certificates, c => c.Folder == folder);
        if (!Path.IsPathRooted(file))
        {
            var inFolder = Name($"{folder}/{file}");
            return Items.ContainsKey(inFolder) ? inFolder : null;
        }

        var name = $"{folder}/{Path.GetFileName(file)}";
        return Items.ContainsKey(Name(name)) || (File.Exists(file) && ReadCertificate(name, file, row.Type, row.Flag)) ? Name(name) : null;
    }

    private IEnumerable<string> Files(string folder) =>
        root is not null && Directory.Exists(Path.Combine(root, folder)) ? Directory.EnumerateFiles(Path.Combine(root, folder)).Where(f => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal) : [];

    private bool ReadCertificate(string name, string file, CertificateType type, CertificateFlag flag)
    {
        if (Content(name, file) is not { } content) return false;
        // PEM is kept as it is, less what stands around it; DER goes into base64.
        string[] labels = type switch { CertificateType.X509 => ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"], CertificateType.X509Crl => ["X509 CRL"], _ => ["PUBLIC KEY"] };
        var data = Convert.ToBase64String(Pem.Find(content, labels) ?? content);
        if (CertificateData.Read(new CertificateSpec { Type = type, Flag = flag, Data = data }, out var fault) is null)
        {
            lose(name, true, $"left out: {fault}");
            return false;
        }

        var spec = new JsonObject { ["data"] = data };
        if (type != CertificateType.X509) spec["type"] = type == CertificateType.Pubkey ? "pubkey" : "x509-crl";
        if (flag != CertificateFlag.None) spec["flag"] = flag == CertificateFlag.Ca ? "ca" : "ocsp";
        Items[Name(name)] = (ItemCatalog.Certificate, spec);
        return true;
    }

    private void ReadKey(string name, string file, string? passphrase)
    {
        if (Content(name, file) is not { } content) return;
        if (!PrivateKey.TryParse(content, Encoding.UTF8.GetBytes(passphrase ?? ""), out var key))
        {
            lose(name, true, passphrase is null ? "left out: it is no private key of a kind that is taken, or it is encrypted and no secret has its passphrase" : "left out: its passphrase does not open it");
            return;
        }

        using (key) AddKey(name, key);
    }

    private void ReadContainer(string name, string file, string? passphrase)
    {
        if (Content(name, file) is not { } content) return;
        try
        {
            var certificates = X509CertificateLoader.LoadPkcs12Collection(content, passphrase, X509KeyStorageFlags.Exportable);
            for (var i = 0; i < certificates.Count; i++)
            {
                using var certificate = certificates[i];
                var pkcs8 = certificate.GetRSAPrivateKey()?.ExportPkcs8PrivateKey() ?? certificate.GetECDsaPrivateKey()?.ExportPkcs8PrivateKey();
                var spec = new JsonObject { ["data"] = Convert.ToBase64String(certificate.RawData) };
                if (pkcs8 is null) spec["flag"] = "ca";
                else if (PrivateKey.TryParse(pkcs8, out var key))
                    using (key) AddKey($"{name}/key-{i + 1}", key);
                Items[Name($"{name}/{i + 1}")] = (ItemCatalog.Certificate, spec);
            }
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            lose(name, true, "left out: it is no PKCS#12 container, or no secret has its passphrase");
        }
    }

    private void AddKey(string name, PrivateKey key)
    {
        using var pkcs8 = key.ToPkcs8();
        Items[Name(name)] = (ItemCatalog.Secret, new JsonObject { ["type"] = "private", ["secret"] = "0s" + Convert.ToBase64String(pkcs8.Span) });
    }

    private byte[]? Content(string name, string file)
    {
        try
        {
            if (new FileInfo(file).Length <= MaxLength) return File.ReadAllBytes(file);
            lose(name, true, "left out: it is too long");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            lose(name, true, "left out: it cannot be read");
        }

        return null;
    }

    // What names of items cannot hold becomes an underscore.
    private static string Name(string name)
    {
        var clean = new string([.. name.Select(c => char.IsAsciiLetterOrDigit(c) || "._:@+/-".Contains(c, StringComparison.Ordinal) ? c : '_')]);
        return Names.IsItem(clean) ? clean : clean[..Math.Min(clean.Length, 64)];
    }
}
