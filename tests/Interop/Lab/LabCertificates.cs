using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Xunit;

[assembly: AssemblyFixture(typeof(LabCertificates))]

namespace Gateway.Interop.Lab;

/// <summary>The certificates of all cases of a run, made once, by the first that needs them: their RSA keys take longer than many a case.</summary>
public sealed class LabCertificates : IDisposable
{
    private static readonly Lock _gate = new();
    private static string? _folder;

    /// <summary>The folder that <c>pki.sh</c> made.</summary>
    internal static string Folder
    {
        get
        {
            lock (_gate)
            {
                if (_folder is not null) return Path.Combine(_folder, "pki");
                var folder = Directory.CreateTempSubdirectory("gwpki-").FullName;
                Shell.Must("bash", [LabCasesTests.In("pki.sh"), Path.Combine(folder, "pki")], 240);
                _folder = folder;
                return Path.Combine(folder, "pki");
            }
        }
    }

    public void Dispose()
    {
        if (_folder is not null) Directory.Delete(_folder, recursive: true);
    }
}
