// So that fragments may name it, whatever is in it.
namespace FunctionalWs.Testing { }

namespace FunctionalWs.Hosting { }
